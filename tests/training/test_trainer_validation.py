"""Validation: which pictures are compared with which, and what the copied input scores."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from onestep.evaluation.measures.distribution import kid
from onestep.evaluation.measures.edges import edges_kept
from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.trainer.display import Silent, Spoken
from onestep.training.trainer.pictures import enough_or, spread
from onestep.training.trainer.validation import Trial, Validation, validation_table


def scenes(seed: int, lowest: int, highest: int) -> list[NDArray[np.uint8]]:
    """Four pictures of blocks."""
    random = np.random.default_rng(seed)
    coarse = random.integers(lowest, highest, (4, 8, 8, 3)).astype(np.uint8)
    return [np.kron(one, np.ones((8, 8, 1), np.uint8)) for one in coarse]


def mean_colours(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean of each quarter, as features."""
    halves = images.reshape(len(images), 2, 32, 2, 32, 3).mean(axis=(2, 4)) / 255
    features: NDArray[np.float32] = halves.reshape(len(images), -1).astype(np.float32)
    return features


def darker(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """In eight levels, so that edges are lost."""
    return picture // 2 // 16 * 16


def test_both_directions_are_compared_with_the_other_side() -> None:
    day, night = scenes(1, 100, 255), scenes(2, 0, 100)
    trials = [Trial("a2b", day, ["to night"] * 4, night), Trial("b2a", night, ["to day"] * 4, day)]
    validation = Validation(trials, mean_colours)
    asked: list[tuple[str, str]] = []

    def translate(direction: Direction, picture: NDArray[np.uint8], prompt: str) -> NDArray[np.uint8]:
        asked.append((direction, prompt))
        return darker(picture)

    measures, changes = validation.run(translate)
    of_day, of_night = mean_colours(np.stack(day)), mean_colours(np.stack(night))
    darkened = mean_colours(np.stack([darker(picture) for picture in day]))
    assert measures["kid_a2b"] == pytest.approx(kid(darkened, of_night))
    copies = validation.copies()
    assert copies["kid_a2b"] == pytest.approx(kid(of_day, of_night)) == pytest.approx(copies["kid_b2a"])
    assert copies["edges_kept_a2b"] == copies["edges_kept_b2a"] == 1.0
    for direction, pictures in (("a2b", day), ("b2a", night)):
        kept = float(np.mean([edges_kept(picture, darker(picture)) for picture in pictures]))
        assert measures[f"edges_kept_{direction}"] == pytest.approx(kept) and kept < 0.99
    assert measures["kid"] == pytest.approx((measures["kid_a2b"] + measures["kid_b2a"]) / 2)
    assert measures["kid_a2b"] < copies["kid_a2b"] and measures["kid_b2a"] > copies["kid_b2a"]
    assert asked == [("a2b", "to night")] * 4 + [("b2a", "to day")] * 4
    assert changes["a2b"].moved > 20


def test_a_known_truth_is_compared_with_each_output() -> None:
    source, truth = scenes(1, 100, 255), scenes(2, 0, 100)

    def distance(output: NDArray[np.uint8], target: NDArray[np.uint8]) -> float:
        return float(np.abs(output.astype(float) - target).mean())

    trial = Trial("paired", source, ["a", "b", "c", "d"], truth, distance)
    validation = Validation([trial], mean_colours)
    answers = {"a": truth[0], "b": truth[1], "c": truth[2], "d": truth[0]}
    measures, _ = validation.run(lambda direction, picture, prompt: answers[prompt])
    assert measures["distance"] == pytest.approx(distance(truth[0], truth[3]) / 4)


def test_the_table_has_every_row() -> None:
    table: Any = validation_table({"copy": {"kid_a2b": 0.5}, "step 0": {"kid_a2b": 0.25}}, title="T")
    assert [list(column.cells) for column in table.columns] == [["copy", "step 0"], ["0.5000", "0.2500"]]


def test_pictures_are_spread_over_all() -> None:
    assert spread(range(10), 4) == [0, 2, 5, 7] and spread("ab", 4) == ["a", "b"]
    assert enough_or((1, 2), (3,)) == (1, 2) and enough_or((1,), (3,)) == (3,)


def test_a_terminal_gets_a_bar_and_a_file_gets_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for terminal in ("1", "0"):
        monkeypatch.setenv("TTY_COMPATIBLE", terminal)
        display = Spoken(total=4, done=0, pictures_per_step=8, every=2)
        display.say("a note [with brackets]")
        for step in (1, 2, 3):
            display.step(step, {"cycle_l1": 0.25})
        display.close()
        said = capsys.readouterr().err
        assert "a note [with brackets]" in said and "cycle_l1 0.25" in said and "images/s" in said
        assert ("━" in said) == (terminal == "1") and ("2/4 steps" in said) == (terminal == "0")
        assert "1/4 steps" not in said


def test_other_processes_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    display = Silent()
    display.say("no")
    display.show("no")
    display.step(1, {})
    display.close()
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
