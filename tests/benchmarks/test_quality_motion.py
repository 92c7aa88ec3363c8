"""Warp error along a known motion, on a motion by hand and on a rendered scene."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from bench.quality_motion import load_motion, motion_between, save_motion

from onestep.scenes import Scene
from tests.evaluation.picture_samples import as_bytes

SIZE = (192, 108)


def test_a_rendered_scene_hardly_changes_along_its_own_motion(tmp_path: Path) -> None:
    scene = Scene.random(4)
    before, after = scene.at(1.7, size=SIZE), scene.at(1.9, size=SIZE)
    motion = motion_between(before, after)
    assert motion.forward.shape == (108, 192, 2)
    assert motion.seen.mean() > 0.5
    first, second = before.render("bright"), after.render("bright")
    unmoved = float(np.abs(first.astype(int) - second).mean())
    assert motion.error(first, second) < unmoved / 2
    save_motion(tmp_path / "made" / "m.npz", motion)
    assert load_motion(tmp_path / "made" / "m.npz").error(first, second) == motion.error(first, second)


def test_a_step_of_brightness_is_counted_in_levels() -> None:
    scene = Scene.random(4)
    frame = scene.at(1.7, size=SIZE)
    motion = motion_between(frame, frame)
    assert np.abs(motion.forward).max() < 0.01  # rounding alone
    picture = as_bytes(frame.render("bright") * 0.5 + 20)
    errors = [motion.error(picture, as_bytes(picture + float(step))) for step in (0, 10, 30)]
    assert errors == pytest.approx([0, 10, 30], abs=0.2)
    assert all(a < b for a, b in pairwise(errors))
