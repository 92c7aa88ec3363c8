"""Colours, sizes and turns on the way from frame to array and back."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from onestep.errors import SettingError
from onestep.runtime.video.convert import FrameFromRgb, RgbFromFrame, Scaling
from onestep.runtime.video.orientation import Orientation, orientation_of
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.writer import VideoWriter

MakeClip = Callable[..., Path]
Paint = Callable[[int, int, int], np.ndarray]

BT709, BT601 = 1, 6
LIMITED, FULL = 1, 2


def first_picture(path: Path) -> np.ndarray:
    with VideoReader(path) as reader:
        out = np.zeros((reader.info.height, reader.info.width, 3), np.uint8)
        RgbFromFrame(reader.info.orientation).into(next(reader), out)
    return out


def bar_centres(picture: np.ndarray) -> np.ndarray:
    width = picture.shape[1]
    return picture[picture.shape[0] // 2, [int((n + 0.5) * width / 7) for n in range(7)]].astype(int)


@pytest.mark.parametrize("matrix", [BT709, BT601])
@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_colours_survive_reading_and_writing(
    make_clip: MakeClip, patches: Paint, tmp_path: Path, matrix: int, colour_range: int, pixel_format: str
) -> None:
    tags = (matrix, matrix, matrix, colour_range)
    source = make_clip(size=(224, 64), frames=2, tags=tags, picture=patches, pixel_format=pixel_format)
    wanted = bar_centres(patches(0, 224, 64))
    picture = first_picture(source)
    assert np.abs(bar_centres(picture) - wanted).max() <= 4
    with VideoReader(source) as reader, VideoWriter(tmp_path / "out.mp4", reader.info) as writer:
        writer.write(picture, pts=0)
    with VideoReader(tmp_path / "out.mp4") as reader:
        colour = reader.info.colour
    assert (colour.primaries, colour.transfer, colour.matrix, colour.range) == tags
    assert np.abs(bar_centres(first_picture(tmp_path / "out.mp4")) - wanted).max() <= 6


def test_untagged_colours_survive(make_clip: MakeClip, patches: Paint, tmp_path: Path) -> None:
    source = make_clip(size=(224, 64), frames=2, picture=patches)
    picture = first_picture(source)
    with VideoReader(source) as reader, VideoWriter(tmp_path / "out.mp4", reader.info) as writer:
        writer.write(picture, pts=0)
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.info.colour.matrix == 2
    assert np.abs(bar_centres(first_picture(tmp_path / "out.mp4")) - bar_centres(patches(0, 224, 64))).max() <= 6


def test_rgb_source_gets_a_matrix(make_clip: MakeClip, patches: Paint, tmp_path: Path) -> None:
    source = make_clip("clip.mov", size=(224, 64), frames=2, picture=patches, codec="png", pixel_format="rgb24")
    picture = first_picture(source)
    assert (bar_centres(picture) == bar_centres(patches(0, 224, 64))).all()
    with VideoReader(source) as reader, VideoWriter(tmp_path / "out.mp4", reader.info) as writer:
        writer.write(picture, pts=0)
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert (reader.info.colour.matrix, reader.info.colour.range) == (BT601, LIMITED)
    assert np.abs(bar_centres(first_picture(tmp_path / "out.mp4")) - bar_centres(patches(0, 224, 64))).max() <= 6


@pytest.mark.parametrize("scaling", ["bilinear", "bicubic", "area", "lanczos"])
def test_scaling_into_a_slot(make_clip: MakeClip, patches: Paint, scaling: Scaling) -> None:
    slot = np.zeros((4, 32, 112, 3), np.uint8)
    with VideoReader(make_clip(size=(224, 64), picture=patches)) as reader:
        RgbFromFrame(scaling=scaling).into(next(reader), slot[1])
    assert np.abs(bar_centres(slot[1]) - bar_centres(patches(0, 224, 64))).max() <= 4
    assert not slot[[0, 2, 3]].any()


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("mirrored", [False, True])
def test_turns_are_undone_and_copied(make_clip: MakeClip, tmp_path: Path, degrees: int, mirrored: bool) -> None:
    def corner(index: int, width: int, height: int) -> np.ndarray:
        picture = np.full((height, width, 3), 40, np.uint8)
        picture[: height // 2, : width // 2] = (220, 30, 30)
        picture[height // 2 :, : width // 2] = (30, 30, 220)
        return picture

    source = make_clip(frames=2, picture=corner, turn_degrees=degrees, mirrored=mirrored)
    upright = np.rot90(corner(0, 64, 48), degrees // 90)
    if mirrored:
        upright = upright[:, ::-1]
    picture = first_picture(source)
    assert picture.shape == upright.shape
    assert np.abs(picture.astype(int) - upright).mean() < 6
    with VideoReader(source) as reader, VideoWriter(tmp_path / "out.mp4", reader.info) as writer:
        writer.write(picture, pts=0)
        before = next(reader)
    with VideoReader(tmp_path / "out.mp4") as reader:
        after = next(reader)
    assert orientation_of(after) == orientation_of(before)
    assert (after.width, after.height) == (64, 48)
    assert np.abs(first_picture(tmp_path / "out.mp4").astype(int) - upright).mean() < 8


def test_orientation_undoes_itself() -> None:
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    for code in range(8):
        turn = Orientation(transposed=bool(code & 1), flipped_x=bool(code & 2), flipped_y=bool(code & 4))
        assert (turn.stored(turn.upright(picture)) == picture).all()


def test_bad_arrays_and_settings(make_clip: MakeClip) -> None:
    with VideoReader(make_clip()) as reader:
        tags = reader.info.colour
        with pytest.raises(SettingError, match=r"must be uint8 \[h, w, 3\], got float32 \[8, 8, 3\]"):
            RgbFromFrame().into(next(reader), np.zeros((8, 8, 3), np.float32))
    with pytest.raises(SettingError, match=r"must be uint8 \[h, w, 3\], got uint8 \[8, 8\]"):
        FrameFromRgb(8, 8, "yuv420p", tags=tags).frame(np.zeros((8, 8), np.uint8))
    with pytest.raises(SettingError, match="Unknown scaling 'cubic'"):
        RgbFromFrame(scaling=cast(Scaling, "cubic"))
