"""Rendered frames on disk: rendered once, and never taken for those of another seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from onestep.errors import OutputError
from onestep.frame_size import FrameSize
from onestep.training.rendered import render_frames


def day(folder: Path, *, seed: int) -> NDArray[Any]:
    """Two views by day."""
    size = FrameSize(48, 32)
    return render_frames(folder, count=2, size=size, conditions=("day",), seed=seed, processes=1).frames["day"]


def test_frames_are_rendered_once(tmp_path: Path) -> None:
    first = np.array(day(tmp_path / "one", seed=1))
    written = (tmp_path / "one" / "day.npy").stat().st_mtime_ns
    assert np.array_equal(day(tmp_path / "one", seed=1), first)
    assert (tmp_path / "one" / "day.npy").stat().st_mtime_ns == written
    assert not np.array_equal(day(tmp_path / "other", seed=2), first)


def test_frames_of_another_seed_are_refused(tmp_path: Path) -> None:
    day(tmp_path, seed=1)
    with pytest.raises(OutputError, match="holds views of another seed than 2. Remove it to render them anew"):
        day(tmp_path, seed=2)


def test_frames_from_before_the_seed_was_noted_are_taken(tmp_path: Path) -> None:
    first = np.array(day(tmp_path, seed=1))
    (tmp_path / "rendered.json").unlink()
    assert np.array_equal(day(tmp_path, seed=1), first)
