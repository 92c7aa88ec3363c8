"""Steadier video: flicker is damped where the motion is known, cuts and live sources are not touched."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from onestep.errors import SettingError
from onestep.frame_size import FrameSize
from onestep.runtime import SessionOptions, translate_video
from onestep.runtime.smooth import LARGEST_SHARE, SMALLEST_SIDE, Smoother
from tests.runtime.bundles import make_bundle
from tests.runtime.test_detail import difference, texture
from tests.runtime.test_translate import rgb_frames

MakeClip = Callable[..., Path]

WIDE = texture(96, 224, grain_px=3.0)


def moving(index: int) -> np.ndarray:
    """A window that goes right by 4 pixels a frame."""
    return np.ascontiguousarray(WIDE[:, 4 * index : 4 * index + 160])


def test_flicker_is_damped_along_the_motion() -> None:
    smoother = Smoother()
    kept = []
    for index in range(8):
        result = np.clip(moving(index).astype(int) // 2 + (12 if index % 2 else 0), 0, 255).astype(np.uint8)
        smoother.apply(moving(index), result)
        kept.append(result)
    steps = [float(b[20:-20, 40:-40].mean()) - float(a[20:-20, 40:-40].mean()) for a, b in pairwise(kept)]
    assert max(abs(step) for step in steps[2:]) < 12 * (1.1 - LARGEST_SHARE)


def test_a_moving_picture_stays_where_it_is() -> None:
    """The result before is moved, so that it does not smear: what is steady already hardly changes."""
    smoother = Smoother()
    for index in range(6):
        result = moving(index) // 2
        smoother.apply(moving(index), result)
    smeared = (moving(5) // 2 * (1 - LARGEST_SHARE) + moving(4) // 2 * LARGEST_SHARE).astype(np.uint8)
    inner = np.s_[10:-10, 10:-10]
    assert difference(result[inner], (moving(5) // 2)[inner]) < 0.4 * difference(
        smeared[inner], (moving(5) // 2)[inner]
    )


def test_a_cut_starts_anew() -> None:
    smoother = Smoother()
    smoother.apply(moving(0), np.full((96, 160, 3), 200, np.uint8))
    after = np.full((96, 160, 3), 20, np.uint8)
    smoother.apply(255 - moving(0), after)
    assert int(after.min()) == int(after.max()) == 20


def test_the_first_frame_is_left_alone() -> None:
    result = np.full((96, 160, 3), 77, np.uint8)
    Smoother().apply(moving(0), result)
    assert int(result.min()) == int(result.max()) == 77


def test_a_view_is_changed_in_place() -> None:
    smoother, memory = Smoother(), np.zeros((96, 200, 3), np.uint8)
    smoother.apply(moving(0), np.full((96, 160, 3), 100, np.uint8))
    smoother.apply(moving(0), memory[:, 20:180])
    assert int(memory[40, 100].min()) == pytest.approx(100 * LARGEST_SHARE, abs=2)
    assert not memory[:, :20].any() and not memory[:, 180:].any()


def test_smoothing_is_refused_where_it_makes_no_sense(tmp_path: Path, make_clip: MakeClip) -> None:
    options = SessionOptions(bundle=make_bundle(tmp_path / "bundle"))
    clip = make_clip(frames=1)
    with pytest.raises(SettingError, match="has one frame, so there is nothing to smooth. Leave out --smooth"):
        translate_video(clip, tmp_path / "out.mp4", session=options, smooth=True)
    with pytest.raises(SettingError, match="a live run drops frames. Leave out --smooth or --live"):
        translate_video(clip, tmp_path / "out.mp4", session=options, smooth=True, live=True)
    assert not list(tmp_path.glob("out*"))


def test_a_picture_too_small_to_find_motion_in_is_refused(tmp_path: Path, make_clip: MakeClip) -> None:
    options = SessionOptions(bundle=make_bundle(tmp_path / "bundle"), size="64x32")
    with pytest.raises(SettingError, match=r"sees .*flat\.mp4 at 64x8, .* pictures of 24 pixels each way"):
        translate_video(make_clip("flat.mp4", size=(128, 16)), tmp_path / "out.mp4", session=options, smooth=True)
    assert not list(tmp_path.glob("out*"))


def test_the_smallest_picture_is_smoothed() -> None:
    smoother, source = Smoother(), WIDE[:SMALLEST_SIDE, :SMALLEST_SIDE].copy()
    smoother.apply(source, np.full_like(source, 100))
    after = np.zeros_like(source)
    smoother.apply(source, after)
    assert int(after[8, 8].min()) > 40


def test_a_source_that_changes_its_size_is_smoothed(tmp_path: Path, make_clip: MakeClip) -> None:
    both = tmp_path / "both.ts"
    both.write_bytes(make_clip("a.ts", size=(64, 48)).read_bytes() + make_clip("b.ts", size=(96, 64)).read_bytes())
    options = SessionOptions(bundle=make_bundle(tmp_path / "bundle"))
    report = translate_video(both, tmp_path / "out.mp4", session=options, smooth=True)
    assert report.frames_written == 20


def test_a_video_is_smoothed(tmp_path: Path, make_clip: MakeClip) -> None:
    """What flickers in the results flickers less in the file, and only where it is asked for."""
    clip = make_clip(frames=8, size=(160, 96), picture=flickering)
    bundle = make_bundle(tmp_path / "bundle", kind="copy", size=FrameSize(160, 96))
    flicker = {}
    for smooth in (False, True):
        out = tmp_path / f"{smooth}.mp4"
        translate_video(clip, out, session=SessionOptions(bundle=bundle), smooth=smooth)
        lumas = [float(frame[20:-20, 20:-20].mean()) for frame in rgb_frames(out)]
        flicker[smooth] = np.mean([abs(b - a) for a, b in pairwise(lumas[1:])])
    assert flicker[False] > 8
    assert flicker[True] < 0.6 * flicker[False]


def flickering(index: int, width: int, height: int) -> np.ndarray:
    """A window that stands still, brighter in every other frame."""
    window = WIDE[:height, :width].astype(int) // 2
    return np.ascontiguousarray(window + (12 if index % 2 else 0)).astype(np.uint8)
