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
from onestep.training.students.folder import PackedStudent, load_student, packed_student
from scripts import train_embedded
from tests.training.test_students import CARD, saved_student, small_student


def test_a_student_that_was_trained_is_put_in_half_precision_and_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run was cut off between the two."""
    trained = saved_student(tmp_path / "clear2foggy-student-float32", small_student(), domain="clear2foggy")

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("it was trained already")

    monkeypatch.setattr(train_embedded, "distil", never)
    recipe = dataclasses.replace(SMALL, finish=None)
    train_embedded._train_student(tmp_path, "clear2foggy", recipe)
    student = load_student(tmp_path / "clear2foggy-student")
    assert student.card.domain == "clear2foggy"
    assert (trained / CARD_NAME).is_file()
    assert not (tmp_path / "clear2foggy-student.work").exists()


FINISH = train_embedded.Finish(steadiness=8.0, perceptual=3.0, steps=3)
SMALL = dataclasses.replace(train_embedded.STUDENTS["clear2foggy"], finish=FINISH, shape=small_student().shape)


def test_a_student_is_finished_from_where_its_first_training_left_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run was cut off between the two trainings."""
    first, finished = small_student(1), small_student(2)
    saved_student(tmp_path / "clear2foggy-student-float32", first)
    calls: list[tuple[Path, dict[str, Any]]] = []

    def distil(teacher: object, output: Path, **more: Any) -> PackedStudent:
        calls.append((output, more))
        return packed_student(finished, CARD)

    monkeypatch.setattr(train_embedded, "distil", distil)
    train_embedded._train_student(tmp_path, "clear2foggy", SMALL)
    [(output, more)] = calls
    assert output == tmp_path / "clear2foggy-student-finished"
    assert more["work"] == tmp_path / "clear2foggy-student-finished.work"
    assert (tmp_path / "clear2foggy-student-finished.log").is_file()
    assert weights_sha256(more["start"].generator.student) == weights_sha256(first)
    options, before = more["options"], train_embedded._student_options(tmp_path, "clear2foggy", SMALL)
    training, weights = options.training, options.training.weights
    assert (training.steps, training.learning_rate, training.perceptual_every) == (3, 1e-3, 1)
    assert (weights.temporal, weights.perceptual, training.steadier_from) == (8.0, 3.0, 0.0)
    assert (options.half_size_share, options.whole_frame_share) == (0.0, 1.0)
    assert training.seed != before.training.seed and options.shape == before.shape
    shipped = load_student(tmp_path / "clear2foggy-student").generator.student
    assert weights_sha256(shipped.half()) == weights_sha256(finished.half())


def test_what_was_finished_needs_no_first_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_embedded, "distil", None)
    finished = small_student(2)
    saved_student(tmp_path / "clear2foggy-student-finished", finished)
    train_embedded._train_student(tmp_path, "clear2foggy", SMALL)
    shipped = load_student(tmp_path / "clear2foggy-student").generator.student
    assert weights_sha256(shipped.half()) == weights_sha256(finished.half())


def test_a_student_of_another_shape_is_not_gone_on_from(tmp_path: Path) -> None:
    saved_student(tmp_path / "clear2foggy-student-float32", small_student())
    recipe = train_embedded.STUDENTS["clear2foggy"]
    with pytest.raises(OutputError, match="holds a student of another shape than the recipe's. Remove it"):
        train_embedded._train_student(tmp_path, "clear2foggy", recipe)
    assert not (tmp_path / "clear2foggy-student").exists()


def test_views_of_another_number_or_size_are_not_trained_on(tmp_path: Path) -> None:
    def rendered(count: int, side: int) -> int:
        size = FrameSize(side, 32)
        return len(render_frames(tmp_path, count=count, size=size, conditions=("day",), seed=1, processes=1))

    assert rendered(2, 32) == rendered(2, 32) == 2
    for count, side in ((3, 32), (2, 64)):
        with pytest.raises(OutputError, match=rf"holds 2 views of 32x32, and {count} of {side}x32 were asked for"):
            rendered(count, side)
