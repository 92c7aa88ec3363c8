"""From a published checkpoint to pictures, by the commands: what comes out is what the published model computes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import onestep.runtime
from onestep.bundle import open_bundle
from onestep.cli.export import export
from onestep.cli.random_base import random_base
from onestep.cli.run_image import run_image
from onestep.errors import BackendError, SettingError
from onestep.exporter.extra_inputs import PROOF_STRENGTHS
from onestep.runtime import SessionOptions
from onestep.runtime.session import open_session
from onestep.training.base import load_base
from tests.training.published import SEED, Published, paired, unpaired

SIZE = "192x128"
PROMPT = "driving in the night"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases") / "base"
    random_base("tiny", folder, seed=SEED)
    return folder


@pytest.fixture(scope="module")
def frame() -> NDArray[np.uint8]:
    """A frame of exactly the model's size: smooth shapes with noise."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[0:128, 0:192]
    smooth = np.stack([rows, columns, rows + columns], axis=2) / 320 * 255
    return np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


def translated(checkpoint: Path, base: Path, frame: NDArray[np.uint8], work: Path, **options: Any) -> NDArray[np.uint8]:
    """Export and run as a user does, and return the picture that was written."""
    export(checkpoint=checkpoint, base=str(base), size=SIZE, output=work / "b", prompt=PROMPT, **options)
    Image.fromarray(frame).save(work / "frame.png")
    run_image(str(work / "frame.png"), work / "out.png", bundle=work / "b")
    return np.asarray(Image.open(work / "out.png"))


def theirs(model: Published, base: Path, frame: NDArray[np.uint8], direction: str) -> NDArray[np.uint8]:
    """What the published model computes, on peft's own unmerged layers."""
    unit = torch.from_numpy(frame).permute(2, 0, 1)[None].double() / 255
    image = unit if direction == "paired" else unit * 2 - 1
    result = model.translate(image, load_base(base).prompt_embedding(PROMPT).double(), direction)
    return (result[0].permute(1, 2, 0) * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8).numpy()


def psnr_db(ours: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / np.mean((ours.astype(float) - wanted) ** 2)))


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_unpaired(base: Path, frame: NDArray[np.uint8], tmp_path: Path, direction: Any) -> None:
    model = unpaired()
    path = model.save(tmp_path / "day2night.pkl")
    ours = translated(path, base, frame, tmp_path, direction=direction, parity_frames=1)
    wanted = theirs(model, base, frame, direction)
    assert np.abs(ours.astype(int) - wanted).max() <= 1
    assert wanted.std() > 10, "the picture is not flat, so that the comparison means something"


@pytest.mark.parametrize("direction", ["a2b", "b2a", "paired"])
def test_half_precision(base: Path, frame: NDArray[np.uint8], tmp_path: Path, direction: Any) -> None:
    model = paired() if direction == "paired" else unpaired()
    path = model.save(tmp_path / "model.pkl")
    ours = translated(path, base, frame, tmp_path, direction=direction, precision="fp16", parity_frames=1)
    assert psnr_db(ours, theirs(model, base, frame, direction)) >= 45


def test_paired_has_its_own_input_range(base: Path, frame: NDArray[np.uint8], tmp_path: Path) -> None:
    model = paired()
    ours = translated(model.save(tmp_path / "edge_to_image_loras.pkl"), base, frame, tmp_path, parity_frames=1)
    assert np.abs(ours.astype(int) - theirs(model, base, frame, "paired")).max() <= 1
    assert open_bundle(tmp_path / "b").manifest.domain == "edge_to_image_loras"


@pytest.fixture(scope="module")
def sketch() -> Published:
    return paired(16, stochastic=True)


@pytest.fixture(scope="module")
def sketch_bundle(base: Path, sketch: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("sketch")
    path = sketch.save(work / "sketch.pkl")
    export(checkpoint=path, base=str(base), prompt=PROMPT, size=SIZE, output=work / "b", parity_frames=2)
    return work / "b"


def test_stochastic_equals_the_published_model_at_each_strength(
    sketch: Published, sketch_bundle: Path, base: Path, frame: NDArray[np.uint8]
) -> None:
    embedding = load_base(base).prompt_embedding(PROMPT).double()
    noise = torch.from_numpy(np.random.default_rng(9).standard_normal((1, 4, 16, 24), dtype=np.float32)).double()
    unit = torch.from_numpy(frame).permute(2, 0, 1)[None].double() / 255
    for strength in (0.4, 1.0):
        result = sketch.translate_stochastic(unit, embedding, noise, strength)
        wanted = (result[0].permute(1, 2, 0) * 127.5 + 127.5).round().clamp(0, 255).numpy()
        options = SessionOptions(bundle=sketch_bundle, size=SIZE, strength=strength, seed=9)
        with open_session(options) as session:
            assert np.abs(session(frame).astype(float) - wanted).max() <= 1


def test_stochastic_the_default_strength_and_seed_are_the_published_ones(
    sketch_bundle: Path, frame: NDArray[np.uint8]
) -> None:
    with (
        onestep.runtime.open(sketch_bundle, size=SIZE) as plain,
        open_session(SessionOptions(bundle=sketch_bundle, size=SIZE, strength=0.4, seed=0)) as said,
        open_session(SessionOptions(bundle=sketch_bundle, size=SIZE, strength=0.4, seed=1)) as other,
    ):
        assert np.array_equal(plain(frame), said(frame))
        assert np.array_equal(plain(frame), plain(frame)), "the noise stays from frame to frame"
        assert not np.array_equal(plain(frame), other(frame))


def test_stochastic_every_strength_is_proven_of_a_large_network_too(
    base: Path, sketch: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onestep.exporter.export._LARGE_NETWORK_FLOPS", 0.0)
    path = sketch.save(tmp_path / "sketch.pkl")
    export(checkpoint=path, base=str(base), prompt=PROMPT, size=SIZE, output=tmp_path / "b")
    parity = json.loads((tmp_path / "b" / "parity.json").read_text(encoding="utf-8"))
    assert parity["frame_count"] == len(PROOF_STRENGTHS)


def test_stochastic_flops_count_the_branches(sketch_bundle: Path, base: Path, tmp_path: Path) -> None:
    path = paired(16).save(tmp_path / "plain.pkl")
    export(checkpoint=path, base=str(base), prompt=PROMPT, size=SIZE, output=tmp_path / "b", parity_frames=1)
    plain, stochastic = (open_bundle(b).manifest.flops_per_frame for b in (tmp_path / "b", sketch_bundle))
    assert stochastic["unet"] > plain["unet"]


def test_stochastic_nonsense_is_refused(sketch_bundle: Path) -> None:
    for options, message in (
        ({"strength": 1.5}, "strength of 1.5 makes no sense; expected a number from 0 to 1"),
        ({"seed": -1}, "seed of -1 cannot be used"),
    ):
        with pytest.raises(SettingError, match=message):
            open_session(SessionOptions(bundle=sketch_bundle, size=SIZE, **options))


def test_stochastic_tensorrt_says_what_does_run_it(sketch_bundle: Path) -> None:
    with pytest.raises(BackendError, match="stochastic generator, which tensorrt-rtx does not run"):
        onestep.runtime.open(sketch_bundle, size=SIZE, backend="tensorrt-rtx")


def test_a_base_alone_can_be_measured(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(base=str(base), size=SIZE, output=tmp_path / "b", parity_frames=1)
    assert "translates nothing" in capsys.readouterr().err
    manifest = open_bundle(tmp_path / "b").manifest
    assert (manifest.domain, manifest.prompt, manifest.licences.checkpoint) == ("untrained", "", "none: no training")
