"""What a distillation begins with: a teacher that can teach, data that are there, and a work folder of its own."""

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from onestep.errors import MissingInputError, OutputError, SettingError
from onestep.training.device import checked_device
from onestep.training.folder import PackedGenerator
from onestep.training.students.distillation import DistillOptions, distil
from tests.training.test_checkpoint_merge import merged, paired_once
from tests.training.test_commands_distill import RENDERED, Quiet, options, pictures

__all__ = ["pictures"]


def run(teacher: PackedGenerator, folder: Path, chosen: DistillOptions) -> Quiet:
    """Distil into `folder / "s"`, with the work in `folder / "w"`."""
    listener = Quiet()
    distil(teacher, folder / "s", work=folder / "w", options=chosen, perceptual=None, listener=listener)
    return listener


def test_work_of_other_settings_is_refused_and_says_which(packed: PackedGenerator, tmp_path: Path) -> None:
    without = options(RENDERED, teacher=0.0)
    run(packed, tmp_path, without)
    longer = dataclasses.replace(without, training=dataclasses.replace(without.training, steps=3))
    again = dataclasses.replace(longer, overwrite=True)
    with pytest.raises(
        OutputError,
        match=r"^\S+w holds the work of a distillation with other settings: training\.steps was 2, is 3\. Remove",
    ):
        run(packed, tmp_path, again)
    (tmp_path / "w" / "settings.json").write_text("{", encoding="utf-8")
    with pytest.raises(OutputError, match=r"settings\.json is damaged"):
        run(packed, tmp_path, again)


def test_what_decides_nothing_may_change(packed: PackedGenerator, tmp_path: Path) -> None:
    without = options(RENDERED, teacher=0.0)
    run(packed, tmp_path, without)
    more = dataclasses.replace(RENDERED, processes=2)
    listener = run(packed, tmp_path, dataclasses.replace(without, data=more, overwrite=True))
    assert listener.lines == ["going on after step 2"]


def test_a_mistyped_folder_claims_nothing(packed: PackedGenerator, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="There is no file or folder"):
        run(packed, tmp_path, options(tmp_path / "picturs"))
    assert run(packed, tmp_path, options(pictures)).lines[0].startswith("step 1/2")


def test_changed_pictures_are_refused(packed: PackedGenerator, pictures: Path, tmp_path: Path) -> None:
    run(packed, tmp_path, options(pictures))
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(pictures / "3.png")
    with pytest.raises(OutputError, match=r"data\.pictures was [0-9a-f]{64}"):
        run(packed, tmp_path, dataclasses.replace(options(pictures), overwrite=True))


def test_a_teacher_that_was_trained_on_is_another_one(packed: PackedGenerator, pictures: Path, tmp_path: Path) -> None:
    run(packed, tmp_path, options(pictures))
    trained = copy.deepcopy(packed.generator)
    with torch.no_grad():
        next(trained.parameters()).add_(1e-3)
    with pytest.raises(OutputError, match=r"teacher\.weights was [0-9a-f]{64}"):
        run(
            dataclasses.replace(packed, generator=trained),
            tmp_path,
            dataclasses.replace(options(pictures), overwrite=True),
        )


def test_a_stochastic_teacher_is_refused(tmp_path: Path) -> None:
    teacher = merged(paired_once(16, stochastic=True).save(tmp_path / "sketch.pkl"), dtype=torch.float32)
    with pytest.raises(SettingError, match=r"The teacher \(.*\) is stochastic.*without these"):
        run(teacher, tmp_path, options(RENDERED))
    assert not (tmp_path / "w").exists()


def test_a_device_that_is_not_there_is_refused() -> None:
    assert checked_device("cpu").type == "cpu"
    with pytest.raises(SettingError, match="cannot compute on --device tpu here: .*Use --device cpu"):
        checked_device("tpu")
