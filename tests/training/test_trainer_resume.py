"""Resume: a run that was broken off and goes on ends bit for bit as one that was not."""

import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from onestep.cli.train import resolved_settings
from onestep.errors import CheckpointError, InputError, MissingInputError, SettingError
from onestep.training.base import load_base
from onestep.training.base_hash import base_sha256
from onestep.training.trainer.resume import check_same_inputs, check_same_settings, described_inputs
from onestep.training.trainer.run_folder import RunFolder
from onestep.training.trainer.settings_file import text_of
from onestep.training.trainer.state_file import saved_steps
from tests.patience import PATIENCE_SECONDS
from tests.training.tiny_runs import (
    assert_same,
    base_folder,
    longer,
    paired_pictures,
    paired_settings,
    state_tensors,
    trained,
    unpaired_pictures,
    unpaired_settings,
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sides."""
    return unpaired_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def unbroken(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps that nobody disturbed. Not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "unbroken"
    trained(unpaired_settings(pictures, max_steps=3, save_every=1), run)
    return run


def test_training_changes_what_is_trained(unbroken: Path) -> None:
    assert saved_steps(unbroken / "last") == [2, 3]
    end = state_tensors(unbroken)
    before = torch.load(unbroken / "last" / "step-00000002.pt", weights_only=True)["generator"]
    moved = [name for name, tensor in before.items() if not torch.equal(tensor, end[f"state.generator.{name}"])]
    assert len(moved) > 0.9 * len(before)


def test_a_step_that_was_lost_is_done_again(pictures: Path, unbroken: Path, tmp_path: Path) -> None:
    """A damaged state is named; without it the run goes on from the one before, whatever the global random state."""
    run, settings = tmp_path / "run", unpaired_settings(pictures, max_steps=3, save_every=1)
    shutil.copytree(unbroken, run)
    newest = run / "last" / "step-00000003.pt"
    newest.write_bytes(newest.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="step-00000003.pt is damaged.*Remove it"):
        trained(settings, run, resume=True)
    newest.unlink()
    torch.manual_seed(12345)
    trained(settings, run, resume=True)
    assert_same(run, unbroken)
    assert (run / "log.jsonl").read_text("utf-8") == (unbroken / "log.jsonl").read_text("utf-8")


def test_killed_at_any_moment_and_resumed(pictures: Path, unbroken: Path, tmp_path: Path) -> None:
    """SIGKILL to the process of the command, then the same run again with --resume. Any moment must do: set another."""
    seed = 0
    moment = random.Random(seed)
    settings = unpaired_settings(pictures, max_steps=3, save_every=1)
    (tmp_path / "settings.toml").write_text(text_of(settings), "utf-8")
    run = tmp_path / "run"

    def newest() -> int:
        return max(saved_steps(run / "last"), default=-1)

    with (tmp_path / "stderr.txt").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "onestep", "train", "unpaired", "--config", tmp_path / "settings.toml", "-o", run],
            stderr=said,
            env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())},
        )
    try:
        after, end = moment.randrange(3), time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and newest() < after and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(moment.random() * 0.3)
    finally:
        process.kill()
        process.wait()
    said_at_last = (tmp_path / "stderr.txt").read_text("utf-8", errors="replace")
    told = f"Seed {seed}, killed after step {newest()} of 3. {said_at_last}"
    assert process.returncode in (0, -signal.SIGKILL) and newest() >= after, told
    trained(settings, run, resume=True)
    assert_same(run, unbroken)


def test_a_paired_run_may_be_made_longer(tmp_path: Path) -> None:
    pictures = paired_pictures(tmp_path / "pictures", captions=("a house", "a tree"))
    settings = paired_settings(pictures, max_steps=2)
    trained(settings, tmp_path / "unbroken")
    trained(longer(settings, 1), tmp_path / "run")
    trained(settings, tmp_path / "run", resume=True)
    assert_same(tmp_path / "run", tmp_path / "unbroken")
    again = resolved_settings("paired", resume=tmp_path / "run", options={})
    assert again.optimiser.max_steps == 2, "the next --resume goes on as this one was asked to"


def test_other_settings_are_listed(pictures: Path) -> None:
    begun = unpaired_settings(pictures)
    other = unpaired_settings(pictures, learning_rate=1e-4, seed=7, max_steps=9, log_every=5)
    with pytest.raises(SettingError, match="learning_rate was 0.001 and is 0.0001; seed was 42 and is 7. Leave them"):
        check_same_settings(begun, other)
    free = {"max_steps": 9, "save_every": 3, "memory_limit_gib": 1.0, "checkpoint_activations": True}
    check_same_settings(begun, unpaired_settings(pictures, **free))


@pytest.mark.parametrize("changed", [{"features": "vgg16-st"}, {"validation_count": 50}])
def test_what_validations_are_compared_by_may_not_change(pictures: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=f"{next(iter(changed))} was .* or begin a new run"):
        check_same_settings(unpaired_settings(pictures), unpaired_settings(pictures, **changed))


def test_the_length_may_not_change_where_the_rate_depends_on_it(pictures: Path) -> None:
    begun = unpaired_settings(pictures, rate_schedule="cosine")
    with pytest.raises(SettingError, match="max_steps was 3 and is 9"):
        check_same_settings(begun, unpaired_settings(pictures, rate_schedule="cosine", max_steps=9))


def test_other_pictures_are_refused(pictures: Path, unbroken: Path, tmp_path: Path) -> None:
    now = unpaired_pictures(tmp_path / "pictures")
    sides = {
        f"{split} {side}": sorted((now / f"{split}_{side}").iterdir()) for side in "AB" for split in ("train", "test")
    }
    begun = json.loads(RunFolder(unbroken).inputs.read_text())
    texts = {"prompts": [(now / f"fixed_prompt_{side}.txt").read_text().strip() for side in "ab"]}
    known = base_sha256(load_base(base_folder()))
    inputs = functools.partial(described_inputs, base_sha256=known)
    assert inputs(pictures=sides, texts=texts) == begun
    check_same_inputs(RunFolder(unbroken), inputs(pictures=sides, texts=texts))
    with pytest.raises(SettingError, match="cannot go on as it began: prompts changed since"):
        check_same_inputs(RunFolder(unbroken), inputs(pictures=sides, texts={"prompts": ["other", "texts"]}))
    with pytest.raises(SettingError, match="cannot go on as it began: base changed since"):
        check_same_inputs(RunFolder(unbroken), described_inputs(pictures=sides, texts=texts, base_sha256="0" * 64))
    (now / "train_A" / "0.png").rename(now / "train_A" / "9.png")
    sides["train A"] = sorted((now / "train_A").iterdir())
    with pytest.raises(SettingError, match="cannot go on as it began: train A changed since"):
        check_same_inputs(RunFolder(unbroken), inputs(pictures=sides, texts=texts))


@pytest.mark.parametrize("text", ["{", "[]"])
def test_inputs_that_cannot_be_read_are_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "inputs.json").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"inputs\.json .*Put it back from a copy, or begin a new run"):
        check_same_inputs(RunFolder(tmp_path), {})


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="holds no run: settings.toml is missing"):
        RunFolder(tmp_path).check_is_run()
