"""This project's own checkpoint file: what is written is what is read."""

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from onestep.errors import CheckpointError, OutputError
from onestep.training.checkpoints import safetensors_file
from onestep.training.checkpoints.checkpoint import Checkpoint, PartWeights
from onestep.training.checkpoints.read import read_checkpoint
from onestep.training.checkpoints.safetensors_file import save_checkpoint
from tests.training.published import paired, unpaired

sketch = cache(lambda: paired(16, stochastic=True))
day2night = cache(unpaired)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """One direction with its prompt, as a trainer leaves it."""
    read = read_checkpoint(day2night().save(tmp_path / "published.pkl"))
    weights = dataclasses.replace(read.directions["a2b"], prompt="Fahrt bei Nacht: ✓")
    return dataclasses.replace(read, directions={"a2b": weights}, base="tiny", licence="MIT")


def assert_same(ours: PartWeights, theirs: PartWeights) -> None:
    """Assert that two parts hold the same."""
    assert (ours.rank, ours.alpha, ours.targets, ours.complete) == (
        theirs.rank,
        theirs.alpha,
        theirs.targets,
        theirs.complete,
    )
    assert ours.pairs.keys() == theirs.pairs.keys()
    assert all(torch.equal(ours.pairs[name].down, pair.down) for name, pair in theirs.pairs.items())
    assert all(torch.equal(ours.pairs[name].up, pair.up) for name, pair in theirs.pairs.items())
    for mine, other in ((ours.full, theirs.full), (ours.full_at_strength, theirs.full_at_strength)):
        assert mine.keys() == other.keys()
        assert all(torch.equal(mine[name], tensor) for name, tensor in other.items())


def test_what_is_written_is_what_is_read(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(checkpoint, tmp_path / "night.safetensors")
    again = read_checkpoint(tmp_path / "night.safetensors")
    assert (again.kind, again.base, again.licence, again.name) == ("unpaired", "tiny", "MIT", "night")
    assert again.directions["a2b"].prompt == "Fahrt bei Nacht: ✓"
    assert_same(again.unet, checkpoint.unet)
    assert_same(again.directions["a2b"].vae, checkpoint.directions["a2b"].vae)
    assert_same(again.directions["a2b"].skips, checkpoint.directions["a2b"].skips)


def test_the_size_of_the_pictures_is_kept_where_there_is_one(checkpoint: Checkpoint, tmp_path: Path) -> None:
    sized = dataclasses.replace(checkpoint, preferred_size=(96, 64))
    for name, written in (("sized", sized), ("plain", checkpoint)):
        save_checkpoint(written, tmp_path / f"{name}.safetensors")
    assert read_checkpoint(tmp_path / "sized.safetensors").preferred_size == (96, 64)
    assert read_checkpoint(tmp_path / "plain.safetensors").preferred_size is None


def test_a_file_from_before_there_was_a_size_is_read(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = safetensors_file._description

    def before(written: Checkpoint) -> dict[str, Any]:
        return {name: value for name, value in now(written).items() if name != "preferred_size"}

    monkeypatch.setattr(safetensors_file, "_description", before)
    save_checkpoint(checkpoint, tmp_path / "night.safetensors")
    assert read_checkpoint(tmp_path / "night.safetensors").preferred_size is None


def test_a_size_that_is_none_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    wrong: Any = (96, 64, 3)
    save_checkpoint(dataclasses.replace(checkpoint, preferred_size=wrong), tmp_path / "night.safetensors")
    with pytest.raises(CheckpointError, match="its description is damaged"):
        read_checkpoint(tmp_path / "night.safetensors")


def test_a_stochastic_checkpoint_keeps_both_first_layers(tmp_path: Path) -> None:
    read = read_checkpoint(sketch().save(tmp_path / "sketch.pkl"))
    save_checkpoint(read, tmp_path / "sketch.safetensors")
    again = read_checkpoint(tmp_path / "sketch.safetensors")
    assert again.kind == "stochastic" and again.unet.full_at_strength.keys() == {"conv_in.weight", "conv_in.bias"}
    assert_same(again.unet, read.unet)


def test_its_own_prompt_and_only_direction_are_taken(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(checkpoint, tmp_path / "night.safetensors")
    again = read_checkpoint(tmp_path / "night.safetensors")
    assert again.chosen_direction(None) == "a2b"
    assert again.chosen_prompt("a2b", None) == "Fahrt bei Nacht: ✓"
    assert again.chosen_prompt("a2b", "") == ""
    with pytest.raises(CheckpointError, match="night is unpaired and has no direction 'b2a'; it has: a2b"):
        again.chosen_direction("b2a")


def test_the_metadata_says_everything_in_plain_json(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(checkpoint, tmp_path / "night.safetensors")
    with safe_open(str(tmp_path / "night.safetensors"), framework="pt") as file:
        metadata = file.metadata()
    about = json.loads(metadata["checkpoint"])
    assert (metadata["format"], metadata["version"], len(metadata["sha256"])) == ("onestep-checkpoint", "1", 64)
    assert about["parts"]["unet"]["rank"] == 16 and about["parts"]["unet"]["alpha"] == 16.0
    assert about["parts"]["a2b.vae"]["alpha"] == 8.0 and "conv_in" in about["parts"]["unet"]["targets"]


def altered(path: Path, **metadata: str) -> Path:
    """Write a file's tensors again with other metadata."""
    with safe_open(str(path), framework="pt") as file:
        before = file.metadata()
    save_file(load_file(str(path)), str(path), metadata={**before, **metadata})
    return path


def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1)}, str(tmp_path / "foreign.safetensors"))
    with pytest.raises(CheckpointError, match=r"format None version None; expected 'onestep-checkpoint' version '1'"):
        read_checkpoint(tmp_path / "foreign.safetensors")


def test_a_newer_file_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(checkpoint, tmp_path / "night.safetensors")
    with pytest.raises(CheckpointError, match="version '2'; expected"):
        read_checkpoint(altered(tmp_path / "night.safetensors", version="2"))


def test_a_changed_byte_is_found(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "night.safetensors"
    save_checkpoint(checkpoint, path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged: its content has SHA-256"):
        read_checkpoint(path)


def test_a_changed_description_is_found(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(checkpoint, tmp_path / "night.safetensors")
    with pytest.raises(CheckpointError, match="damaged: its content has SHA-256"):
        read_checkpoint(altered(tmp_path / "night.safetensors", checkpoint="{}"))


def test_a_truncated_file_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "night.safetensors"
    save_checkpoint(checkpoint, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged or no safetensors file"):
        read_checkpoint(path)


def test_an_existing_file_is_kept_and_another_ending_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "night.safetensors"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already.*--overwrite"):
        save_checkpoint(checkpoint, path)
    assert path.read_bytes() == b"mine"
    save_checkpoint(checkpoint, path, overwrite=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["night.safetensors", "published.pkl"]
    with pytest.raises(OutputError, match=r"written as \.safetensors"):
        save_checkpoint(checkpoint, tmp_path / "night.pkl")
