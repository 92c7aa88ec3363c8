"""A generator's folder: what is written is what is read, and what is damaged is named."""

import json
from pathlib import Path

import pytest
import torch

from onestep.errors import GeneratorError
from onestep.training.base import load_base, random_base
from onestep.training.folder import PackedGenerator, load_generator, save_generator


@pytest.fixture
def folder(packed: PackedGenerator, tmp_path: Path) -> Path:
    save_generator(packed, tmp_path)
    return tmp_path


def test_what_is_written_is_what_is_read(packed: PackedGenerator, folder: Path) -> None:
    loaded = load_generator(folder)
    assert loaded.card == packed.card
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        ours = packed.generator(image, packed.base.prompt_embedding(packed.card.prompt))
        theirs = loaded.generator(image, loaded.base.prompt_embedding(loaded.card.prompt))
    assert torch.equal(ours, theirs)


def test_no_pickle_is_written(folder: Path) -> None:
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".safetensors"}


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler", "skips"])
def test_a_missing_part_is_named(folder: Path, part: str) -> None:
    (folder / part).rename(folder / "elsewhere")
    with pytest.raises(GeneratorError, match=f"lacks {part}, so it is no"):
        load_generator(folder)


def test_damaged_weights_are_named(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(GeneratorError, match=r"unet could not be loaded"):
        load_generator(folder)


def test_skips_of_another_generator_are_refused(folder: Path) -> None:
    card = json.loads((folder / "onestep.json").read_text())
    (folder / "onestep.json").write_text(json.dumps({**card, "skip_channels": [1, 2, 3, 4]}))
    with pytest.raises(GeneratorError, match=r"skip widths \[1, 2, 3, 4\].*put together from two generators"):
        load_generator(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 2"),
        ({"format": "x"}, "format 'x'"),
        ({"prompt": None}, "lacks prompt"),
        ({"preferred_size": 64}, "preferred_size 64; expected a list of two numbers"),
    ],
)
def test_a_card_that_is_wrong_is_refused(folder: Path, change: dict[str, object], message: str) -> None:
    card = {**json.loads((folder / "onestep.json").read_text()), **change}
    (folder / "onestep.json").write_text(json.dumps({k: v for k, v in card.items() if v is not None}))
    with pytest.raises(GeneratorError, match=message):
        load_generator(folder)


@pytest.mark.parametrize("text", ["{", "[]", '"text"'])
def test_a_card_that_is_no_object_is_refused(folder: Path, text: str) -> None:
    (folder / "onestep.json").write_text(text, encoding="utf-8")
    with pytest.raises(GeneratorError, match=r"onestep\.json .*A generator's folder needs it: merge"):
        load_generator(folder)


def test_a_file_is_no_base(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(GeneratorError, match="is not a folder. A base is a folder with unet, vae"):
        load_base(tmp_path / "x")


def test_random_bases_are_seeded_and_leave_the_random_state() -> None:
    state = torch.random.get_rng_state()
    first, same, other = (random_base("tiny", seed=seed).unet.conv_in.weight for seed in (1, 1, 2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_any_text_is_a_prompt() -> None:
    base = random_base("tiny", seed=1)
    empty, long, odd = (base.prompt_embedding(text) for text in ("", "night " * 200, "夜のドライブ é"))
    assert empty.shape == long.shape == odd.shape == (1, 77, 32)
    assert not torch.equal(empty, odd)
