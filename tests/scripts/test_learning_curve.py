"""The learning curve is what the log says."""

from pathlib import Path

import pytest
from PIL import Image

from onestep.errors import InputError
from scripts import learning_curve
from scripts.learning_curve import Point, draw, points_of

LOG = """\
      0 s  rendering scenes
     43 s  step 50/100 loss 0.8717, 0.87 s a step
     86 s  step 100/100 loss 0.7710, critic 1.90, 0.85 s a step
"""


def test_a_log_is_read_and_drawn(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(LOG, encoding="utf-8")
    points = points_of(tmp_path / "train.log")
    assert points == [Point(50, 0.8717), Point(100, 0.7710)]
    draw([("train", points)], tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.size == (840, 420)


def test_several_logs_are_named_and_none_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = [tmp_path / "one" / "train.log", tmp_path / "two" / "train.log", tmp_path / "finish.log"]
    for log in logs:
        log.parent.mkdir(exist_ok=True)
        log.write_text(LOG, encoding="utf-8")
    drawn: list[list[tuple[str, list[Point]]]] = []
    monkeypatch.setattr(learning_curve, "draw", lambda parts, output: drawn.append(parts))
    monkeypatch.setattr("sys.argv", ["learning_curve.py", *map(str, logs), "-o", "curve.png"])
    assert learning_curve.main() == 0
    assert [name for name, _ in drawn[0]] == ["one/train", "two/train", "finish"]


def test_what_was_done_again_counts(tmp_path: Path) -> None:
    again = LOG + "      3 s  going on after step 60\n     40 s  step 100/100 loss 0.7000, 0.85 s a step\n"
    (tmp_path / "train.log").write_text(again, encoding="utf-8")
    assert points_of(tmp_path / "train.log") == [Point(50, 0.8717), Point(100, 0.7)]


def test_another_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.log").write_text("nothing\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"other\.log has no line such as `step 50/8000 loss"):
        points_of(tmp_path / "other.log")
