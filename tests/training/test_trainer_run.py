"""Whole runs: where they stop, what they leave, and what they say when something goes wrong."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from onestep.errors import GeneratorError, InputError, OnestepError, OutputError, SettingError, TrainingError
from onestep.training.checkpoints.read import read_checkpoint
from onestep.training.trainer import loop
from onestep.training.trainer.history import COPY
from onestep.training.trainer.resume import check_same_settings
from onestep.training.trainer.run import RunReport
from onestep.training.trainer.state_file import saved_steps
from onestep.training.trainer.step import Stepper
from tests.training.test_trainer_parts import no_file_above
from tests.training.tiny_runs import (
    assert_same,
    base_folder,
    paired_pictures,
    paired_settings,
    trained,
    unpaired_pictures,
    unpaired_settings,
    write_picture,
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sides."""
    return unpaired_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def watched(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunReport]:
    """A run of two steps with all that can be watched. Not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "watched"
    watch = {"sample_every": 1, "sample_count": 2, "validate_every": 2, "tensorboard": True, "save_every": 2}
    return run, trained(unpaired_settings(pictures, max_steps=2, **watch), run)


def test_a_run_leaves_what_it_says(watched: tuple[Path, RunReport]) -> None:
    run, report = watched
    assert report.steps == 2
    assert {path.name for path in run.iterdir()} == {
        "settings.toml",
        "inputs.json",
        "log.jsonl",
        "validation.json",
        "checkpoint.safetensors",
        "best.safetensors",
        "last",
        "samples",
        "tensorboard",
    }
    assert saved_steps(run / "last") == [0, 2]
    assert [path.name for path in sorted((run / "samples").iterdir())] == [
        "step-00000000.png",
        "step-00000001.png",
        "step-00000002.png",
    ]
    first, *_, last = (np.asarray(Image.open(path)) for path in sorted((run / "samples").iterdir()))
    assert first.shape == (16 + 2 * 34 - 2, 6 * 34 - 2, 3)
    assert np.array_equal(first[16:, :32], last[16:, :32])  # the samples are the same
    assert not np.array_equal(first[16:, 34:66], last[16:, 34:66])  # their translations are not
    rows = report.measures
    assert list(rows)[:2] == [COPY, "step 0"] or list(rows)[:2] == [COPY, "step 0 (best)"]
    assert rows[COPY]["edges_kept_a2b"] == 1.0 and rows[COPY].keys() >= {"kid", "kid_a2b", "kid_b2a", "edges_kept_b2a"}


def test_the_log_has_every_loss(watched: tuple[Path, RunReport]) -> None:
    lines = [json.loads(line) for line in (watched[0] / "log.jsonl").read_text("utf-8").splitlines()]
    losses = [line for line in lines if "cycle_l1" in line]
    assert [line["step"] for line in losses] == [1, 2]
    assert losses[0].keys() >= {"gan_a", "gan_b", "identity_l1", "discriminator_a", "gradient_generator"}
    assert [line["step"] for line in lines if "kid" in line] == [0, 2]


def test_the_checkpoint_holds_the_average(watched: tuple[Path, RunReport]) -> None:
    run, _ = watched
    checkpoint = read_checkpoint(run / "checkpoint.safetensors")
    state = torch.load(run / "last" / "step-00000002.pt", weights_only=True)
    average = state["average"]["generators.a2b.unet.conv_in.base_layer.weight"]
    assert torch.equal(checkpoint.unet.full["conv_in.weight"], average)
    assert not torch.equal(average, state["generator"]["generators.a2b.unet.conv_in.base_layer.weight"])
    assert {name: weights.prompt for name, weights in checkpoint.directions.items()} == {
        "a2b": "side B",
        "b2a": "side A",
    }
    assert checkpoint.licence == "MIT (random weights)" and checkpoint.base == "tiny"
    assert checkpoint.preferred_size == (32, 32)


def test_looking_changes_nothing(watched: tuple[Path, RunReport], pictures: Path, tmp_path: Path) -> None:
    trained(unpaired_settings(pictures, max_steps=2), tmp_path / "run")
    assert_same(tmp_path / "run", watched[0])


def test_ctrl_c_saves_after_the_step(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    step = loop._step

    def pressed(stepper: Any, *rest: Any) -> bool:
        if stepper.state.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return step(stepper, *rest)

    settings = unpaired_settings(pictures, max_steps=4)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_step", pressed)
        with pytest.raises(KeyboardInterrupt):
            trained(settings, tmp_path / "run")
    assert saved_steps(tmp_path / "run" / "last") == [0, 2]
    assert "Stopped after step 2 and saved. Go on with --resume" in capfd.readouterr().err
    assert (tmp_path / "run" / "checkpoint.safetensors").exists()


def test_a_loss_that_is_no_number_stops_with_the_last_state_whole(pictures: Path, tmp_path: Path) -> None:
    settings = unpaired_settings(pictures, max_steps=4, learning_rate=1e30, save_every=1)
    message = r"stopped in step 2: .* is nan.*begin a new run with a learning rate .*The state after step 1 is whole"
    with pytest.raises(TrainingError, match=message):
        trained(settings, tmp_path / "run")
    assert saved_steps(tmp_path / "run" / "last") == [0, 1]


def test_memory_that_runs_out_names_what_a_resumed_run_may_change(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise torch.OutOfMemoryError("16 GiB")

    settings = unpaired_settings(pictures, max_steps=2)
    with monkeypatch.context() as patch:
        patch.setattr(Stepper, "__call__", full)
        message = "ran out in step 1 .* state after step 0 is whole.* Go on with --resume and --checkpoint-activations"
        with pytest.raises(TrainingError, match=message):
            trained(settings, tmp_path / "run")
    assert "checkpoint_activations = false" in (tmp_path / "run" / "settings.toml").read_text("utf-8")
    frugal = unpaired_settings(pictures, max_steps=2, checkpoint_activations=True)
    check_same_settings(settings, frugal)
    trained(frugal, tmp_path / "run", resume=True)
    assert "checkpoint_activations = true" in (tmp_path / "run" / "settings.toml").read_text("utf-8")


def test_a_full_disk_stops_with_the_last_state_whole(
    watched: tuple[Path, RunReport], pictures: Path, tmp_path: Path
) -> None:
    shutil.copytree(watched[0], tmp_path / "run")
    settings = unpaired_settings(pictures, max_steps=3)
    with no_file_above(1_000_000), pytest.raises(OutputError, match="Saving step 3 .*The state after step 2 is whole"):
        trained(settings, tmp_path / "run", resume=True)
    assert saved_steps(tmp_path / "run" / "last") == [0, 2]
    read_checkpoint(tmp_path / "run" / "checkpoint.safetensors")


def test_too_little_memory_is_said_before_anything_is_written(pictures: Path, tmp_path: Path) -> None:
    settings = unpaired_settings(pictures, memory_limit_gib=0.01)
    with pytest.raises(TrainingError, match="Memory plan: weights .* That does not fit. The networks alone take"):
        trained(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_paired_run_with_one_caption_stores_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    settings = paired_settings(
        paired_pictures(tmp_path / "pictures"), max_steps=1, sample_every=1, validate_every=1, sample_count=2
    )
    report = trained(settings, tmp_path / "run")
    said = capfd.readouterr().err
    assert "No CLIP folder was given (--clip)" in said and "There are only 3 training pairs" in said
    assert "Memory plan: weights" in said and "1/1 steps" in said and "images/s" in said
    checkpoint = read_checkpoint(tmp_path / "run" / "checkpoint.safetensors")
    assert checkpoint.kind == "paired" and checkpoint.directions["paired"].prompt == "a house"
    assert report.measures[COPY].keys() >= {"distance", "kid_paired", "edges_kept_paired"}
    assert np.asarray(Image.open(tmp_path / "run" / "samples" / "step-00000001.png")).shape == (82, 3 * 34 - 2, 3)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (
            {"preparation": "resize_40"},
            SettingError,
            "takes sizes in multiples of 32 pixels, and 40x40 is not",
        ),
        ({"preparation": "randomcrop_64"}, InputError, "is 32x32, below the crop of 64x64"),
        ({"preparation": "shrink"}, SettingError, "'shrink' is not a preparation"),
        ({"perceptual": "lpisp"}, SettingError, "Unknown perceptual distance 'lpisp'"),
        ({"discriminator": "pacth"}, SettingError, "Unknown discriminator trunk 'pacth'. Did you mean 'patch'"),
        ({"features": "resnet", "validate_every": 1}, SettingError, "Unknown feature network 'resnet'"),
        ({"base": "sdturbo"}, SettingError, "Unknown base 'sdturbo'. Did you mean 'sd-turbo'"),
    ],
)
def test_bad_values_are_said_before_anything_is_written(
    values: dict[str, Any], error: type[Exception], message: str, pictures: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        trained(unpaired_settings(pictures, **values), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("preparation", "size", "message"),
    [
        ("no_resize", (70, 64), r"test_B/odd\.png does not fit: the base takes sizes in multiples of 32 pixels"),
        ("randomcrop_64", (48, 64), r"test_B/odd\.png is 48x64, below the crop of 64x64"),
    ],
)
def test_test_pictures_are_looked_at_before_anything_is_written(
    preparation: str, size: tuple[int, int], message: str, tmp_path: Path
) -> None:
    pictures = unpaired_pictures(tmp_path / "pictures")
    for side in ("train_A", "train_B", "test_A", "test_B"):
        for path in (pictures / side).glob("*.png"):
            Image.new("RGB", (64, 64), path.stat().st_size % 255).save(path)
    Image.new("RGB", size).save(pictures / "test_B" / "odd.png")
    with pytest.raises(OnestepError, match=message):
        trained(unpaired_settings(pictures, preparation=preparation), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_base_that_lacks_a_part(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    for part in base_folder().iterdir():
        if part.name != "vae":
            (tmp_path / "base" / part.name).symlink_to(part)
    with pytest.raises(GeneratorError, match="base lacks vae, so it is no base"):
        trained(unpaired_settings(pictures, base=str(tmp_path / "base")), tmp_path / "run")


def test_the_wrong_kind_of_pictures(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="recognised as unpaired .*train paired` needs paired.*train unpaired"):
        trained(paired_settings(pictures), tmp_path / "run")


def test_a_side_without_a_prompt(tmp_path: Path) -> None:
    pictures = unpaired_pictures(tmp_path / "pictures")
    (pictures / "fixed_prompt_b.txt").unlink()
    with pytest.raises(SettingError, match="Side B has no prompt. Write one line .*fixed_prompt_b.txt.*--prompt-b"):
        trained(unpaired_settings(pictures), tmp_path / "run")


def test_test_pairs_of_two_sizes_are_refused_before_the_run_begins(tmp_path: Path) -> None:
    """Its validation would compare different places."""
    pictures = paired_pictures(tmp_path / "pictures")
    Image.new("RGB", (64, 64)).save(pictures / "test_B" / "1.png")
    settings = paired_settings(pictures, preparation="randomcrop_32", max_steps=1)
    with pytest.raises(InputError, match=r"test_A/1\.png and .*test_B/1\.png differ in size and randomcrop_32"):
        trained(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_test_pictures_it_says_what_is_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pictures = unpaired_pictures(tmp_path / "pictures")
    for path in (pictures / "test_A").iterdir():
        path.unlink()
    write_picture(pictures / "test_A" / "only.png", np.random.default_rng(1), 255)
    trained(unpaired_settings(pictures, prompt_b="", max_steps=1, sample_every=1), tmp_path / "run")
    said = capfd.readouterr().err
    assert "Side A has fewer than two test pictures" in said and "Side B has fewer" not in said
    assert read_checkpoint(tmp_path / "run" / "checkpoint.safetensors").directions["a2b"].prompt == ""


def test_a_batch_that_cannot_be_divided() -> None:
    from onestep.training.trainer.processes import Processes
    from onestep.training.trainer.settings import MachineSettings

    processes = Processes(MachineSettings(device="cpu"))
    try:
        assert processes.share_of(3) == 3 and processes.is_main
        processes._accelerator.state._shared_state["num_processes"] = 2
        with pytest.raises(SettingError, match="A batch of 3 cannot be divided among 2 processes"):
            processes.share_of(3)
    finally:
        processes.close()
