"""The commands on checkpoints and bases: `merge`, `import` and `random-base`."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from onestep.cli.choose_generator import GeneratorChoice, loaded_generator
from onestep.cli.import_checkpoint import import_checkpoint
from onestep.cli.merge import merge
from onestep.cli.random_base import random_base
from onestep.domains import PUBLISHED_LICENCE
from onestep.errors import CheckpointError, GeneratorError, MissingInputError, OutputError, SettingError
from onestep.training.base import load_base
from onestep.training.checkpoints.checkpoint import Direction, DirectionWeights
from onestep.training.checkpoints.read import read_checkpoint
from onestep.training.checkpoints.safetensors_file import save_checkpoint
from onestep.training.folder import load_generator
from tests.training.published import SEED, paired, unpaired


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base's folder, as the command writes it."""
    folder = tmp_path_factory.mktemp("bases") / "base"
    random_base("tiny", folder, seed=SEED)
    return folder


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A paired checkpoint on that base."""
    return paired().save(tmp_path_factory.mktemp("checkpoints") / "edges.pkl")


def test_import_and_merge(base: Path, edges: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_checkpoint(edges, tmp_path / "edges.safetensors")
    out = capsys.readouterr().out
    assert "edges.safetensors (paired; directions paired; " in out and "rank 8; SHA-256 of the pickle " in out
    before = [path.read_bytes() for path in sorted(base.rglob("*.safetensors"))]
    merge(tmp_path / "edges.safetensors", tmp_path / "generator", str(base), prompt="a red house")
    assert [path.read_bytes() for path in sorted(base.rglob("*.safetensors"))] == before
    captured = capsys.readouterr()
    assert "(paired, paired, prompt 'a red house')" in captured.out
    assert "Licences: base MIT (random weights); weights not stated in the file" in captured.err
    packed = load_generator(tmp_path / "generator")
    assert packed.card.prompt == "a red house" and packed.card.input_range == (0.0, 1.0)


def test_a_lacking_prompt_is_said_before_the_base_is_loaded(edges: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="stores no prompt"):
        merge(edges, tmp_path / "generator", str(tmp_path / "empty"))
    with pytest.raises(GeneratorError, match="empty lacks unet, vae"):
        merge(edges, tmp_path / "generator", str(tmp_path / "empty"), prompt="")
    assert not (tmp_path / "generator").exists()


def test_a_checkpoint_that_is_not_there_is_said_before_a_base_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"typo\.pkl"):
        merge(tmp_path / "typo.pkl", tmp_path / "generator", "no-such-base", download=True)


def test_the_prompt_of_a_domain_is_for_its_own_direction(base: Path, tmp_path: Path) -> None:
    path = unpaired().save(tmp_path / "night.pkl")
    forth = GeneratorChoice("day2night", None, path, str(base), None, None)
    assert loaded_generator(forth).card.prompt == "driving in the night"
    with pytest.raises(CheckpointError, match="stores no prompt"):
        loaded_generator(replace(forth, direction="b2a"))
    assert loaded_generator(replace(forth, direction="b2a", prompt="driving in the day")).card.direction == "b2a"


def test_the_prompt_that_a_file_stores_comes_before_its_domains(base: Path, tmp_path: Path) -> None:
    read = read_checkpoint(unpaired().save(tmp_path / "night.pkl"))
    stored: dict[Direction, DirectionWeights] = {"a2b": replace(read.directions["a2b"], prompt="a street after dark")}
    save_checkpoint(replace(read, directions=stored), tmp_path / "own.safetensors")
    choice = GeneratorChoice("day2night", None, tmp_path / "own.safetensors", str(base), None, None)
    assert loaded_generator(choice).card.prompt == "a street after dark"
    assert loaded_generator(replace(choice, prompt="said")).card.prompt == "said"


def test_a_published_domain_from_the_cache_has_its_licence(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONESTEP_CHECKPOINTS", str(tmp_path))
    unpaired().save(tmp_path / "day2night.pkl")
    card = loaded_generator(GeneratorChoice("day2night", None, None, str(base), None, None)).card
    assert (card.direction, card.prompt) == ("a2b", "driving in the night")
    assert card.checkpoint_licence == PUBLISHED_LICENCE


@pytest.mark.parametrize(("domain", "base"), [("day2night", "tiny"), ("day2night", None), (None, "tiny")])
def test_a_direction_without_a_checkpoint_is_refused(domain: str | None, base: str | None) -> None:
    with pytest.raises(SettingError, match="--direction goes with --checkpoint FILE or a published domain"):
        GeneratorChoice(domain, None, None, base, "b2a", None)


def test_a_full_disk_is_said(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise SafetensorError("No space left on device")

    monkeypatch.setattr("diffusers.models.modeling_utils.safetensors.torch.save_file", full)
    with pytest.raises(OutputError, match="failed: No space left on device. Make room"):
        random_base("tiny", tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_base_is_not_replaced_by_a_generator(base: Path, edges: Path) -> None:
    with pytest.raises(OutputError, match="is of another kind, onestep-base, and not onestep-generator"):
        merge(edges, base, str(base), prompt="", overwrite=True)


def test_an_existing_generator_is_kept(base: Path, edges: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="exists already.*--overwrite"):
        merge(edges, tmp_path, str(base), prompt="")
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_a_random_base_in_half_precision_takes_half_the_space(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random_base("tiny", tmp_path / "half", seed=SEED, dtype="fp16")
    captured = capsys.readouterr()
    assert "… building unet" in captured.err and "… writing scheduler" in captured.err
    assert f"(tiny, seed {SEED}, " in captured.out
    sizes = [
        (folder / "unet" / "diffusion_pytorch_model.safetensors").stat().st_size for folder in (base, tmp_path / "half")
    ]
    assert sizes[1] < 0.6 * sizes[0]
    exact, half = load_base(base), load_base(tmp_path / "half")
    assert torch.allclose(exact.unet.conv_in.weight, half.unet.conv_in.weight, atol=1e-3)


def test_the_byte_tokenizer_goes_with_sd_turbos_text_encoder() -> None:
    from transformers import CLIPTextConfig, CLIPTextModel

    from onestep.training.architectures import architecture
    from onestep.training.byte_tokenizer import byte_tokenizer

    config = {
        **architecture("sd-turbo").text_encoder,
        "num_hidden_layers": 1,
        "hidden_size": 32,
        "intermediate_size": 32,
    }
    encoder = CLIPTextModel(CLIPTextConfig(**config)).eval()
    tokens = byte_tokenizer(positions=77)("night", padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        hidden = encoder(tokens)[0]
    assert hidden.shape == (1, 77, 32) and torch.isfinite(hidden).all()
