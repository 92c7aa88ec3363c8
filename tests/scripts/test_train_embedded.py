"""The recipe of what ships goes on where it was cut off, and takes no pictures that were made otherwise."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from onestep.errors import OutputError
from onestep.frame_size import FrameSize
from onestep.training.card_name import CARD_NAME
from onestep.training.rendered import render_frames
from onestep.training.students.claim import weights_sha256
from onestep.training.students.folder import PackedStudent, load_student, packed_student, save_student
from scripts import train_embedded
from tests.training.test_students import CARD, small_student


def test_a_student_that_was_trained_is_put_in_half_precision_and_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run was cut off between the two."""
    card = dataclasses.replace(CARD, domain="clear2foggy")
    trained = tmp_path / "clear2foggy-student-float32"
    trained.mkdir()
    save_student(packed_student(small_student(), card), trained)

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("it was trained already")

    monkeypatch.setattr(train_embedded, "distil", never)
    recipe = dataclasses.replace(train_embedded.STUDENTS["clear2foggy"], finish=None)
    train_embedded._train_student(tmp_path, "clear2foggy", recipe)
    student = load_student(tmp_path / "clear2foggy-student")
    assert student.card.domain == "clear2foggy"
    assert (trained / CARD_NAME).is_file()
    assert not (tmp_path / "clear2foggy-student.work").exists()


def test_a_student_is_finished_from_where_its_first_training_left_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run was cut off between the two trainings."""
    first, finished = small_student(), small_student()
    trained = tmp_path / "clear2foggy-student-float32"
    trained.mkdir()
    save_student(packed_student(first, CARD), trained)
    calls: list[tuple[Path, dict[str, Any]]] = []

    def distil(teacher: object, output: Path, **more: Any) -> PackedStudent:
        calls.append((output, more))
        return packed_student(finished, CARD)

    monkeypatch.setattr(train_embedded, "distil", distil)
    finish = train_embedded.Finish(steadiness=8.0, perceptual=3.0, steps=3)
    recipe = dataclasses.replace(train_embedded.STUDENTS["clear2foggy"], finish=finish)
    train_embedded._train_student(tmp_path, "clear2foggy", recipe)
    [(output, more)] = calls
    assert (tmp_path / "clear2foggy-student-finished.log").is_file()
    assert output == tmp_path / "clear2foggy-student-finished"
    assert weights_sha256(more["start"]) == weights_sha256(first)
    training, before = more["options"].training, train_embedded._student_options(tmp_path, "clear2foggy", recipe)
    assert (training.steps, training.perceptual_every, training.weights.temporal) == (3, 1, 8.0)
    assert training.weights.perceptual == 3.0
    assert training.seed != before.training.seed and more["options"].shape == before.shape
    shipped = load_student(tmp_path / "clear2foggy-student").generator.student
    assert weights_sha256(shipped.half()) == weights_sha256(finished.half())


def test_views_of_another_number_or_size_are_not_trained_on(tmp_path: Path) -> None:
    def rendered(count: int, side: int) -> int:
        size = FrameSize(side, 32)
        return len(render_frames(tmp_path, count=count, size=size, conditions=("day",), seed=1, processes=1))

    assert rendered(2, 32) == rendered(2, 32) == 2
    for count, side in ((3, 32), (2, 64)):
        with pytest.raises(OutputError, match=rf"holds 2 views of 32x32, and {count} of {side}x32 were asked for"):
            rendered(count, side)
