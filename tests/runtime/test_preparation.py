"""What the paired generators see instead of a photograph."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from onestep.errors import UnknownNameError
from onestep.runtime import SessionOptions
from onestep.runtime.preparation import preparation
from onestep.runtime.session import open_session
from tests.runtime.bundles import SMALL, make_bundle, random_frame


def test_none_leaves_the_picture() -> None:
    picture = random_frame(8, 4)
    before = picture.copy()
    preparation(None)(picture)
    assert np.array_equal(picture, before)


def test_canny_draws_white_edges_on_black() -> None:
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, 32:] = 200
    part = picture[:, 2:62]  # a view that is not contiguous, as a picture with a border around it is
    preparation("canny")(part)
    assert set(np.unique(part)) == {0, 255}
    assert (part.max(axis=2) == 255).any(axis=0).nonzero()[0].tolist() in ([29], [30], [29, 30])
    assert (part == part[:, :, :1]).all()


def test_canny_uses_the_published_thresholds() -> None:
    """A step of 40 levels gives a Sobel response of 160: over the lower threshold, under the upper one."""
    for level, is_edge in ((40, False), (60, True)):
        picture = np.zeros((32, 64, 3), np.uint8)
        picture[:, 32:] = level
        expected = cv2.Canny(picture, 100, 200)
        preparation("canny")(picture)
        assert np.array_equal(picture[:, :, 0], expected)
        assert bool(picture.any()) is is_edge


def test_a_sketch_becomes_white_on_black_at_half_brightness() -> None:
    picture = np.array([[[0, 127, 128], [255, 100, 200]]], np.uint8)
    preparation("sketch")(picture)
    assert picture.tolist() == [[[255, 255, 0], [0, 255, 0]]]


def test_an_unknown_one_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="Unknown preparation 'cany'. Did you mean 'canny'"):
        preparation("cany")


def test_a_session_refuses_an_unknown_one_before_it_opens_anything(tmp_path: Path) -> None:
    unknown: Any = "cany"
    with pytest.raises(UnknownNameError, match="Unknown preparation 'cany'"):
        SessionOptions(bundle=tmp_path / "nothing", prepare=unknown)


def test_a_session_prepares_at_the_networks_size(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", kind="copy")
    frame = random_frame(SMALL.width, SMALL.height)
    with open_session(SessionOptions(bundle=bundle, prepare="sketch")) as session:
        assert np.array_equal(session(frame), np.where(frame < 128, 255, 0))
