"""The policy of sizes, and places inside the graph's frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestep.bundle import FrameSizes
from onestep.errors import SettingError
from onestep.frame_size import FrameSize
from onestep.runtime.placement import chosen_size, place, stretches_little

FREE = FrameSizes(multiple=32, preferred=FrameSize(512, 288), free=True)
FIXED = FrameSizes(multiple=32, preferred=FrameSize(512, 288), free=False)

sizes = st.builds(FrameSize, st.integers(1, 8000), st.integers(1, 8000))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("960x540", "512x288"),
        ("1280x720", "512x288"),
        ("7680x4320", "512x288"),
        ("512x288", "512x288"),
        ("1080x1920", "288x512"),
        ("2x2", "384x384"),
        ("640x480", "480x352"),
    ],
)
def test_free_size_follows_the_source(source: str, expected: str) -> None:
    width, height = map(int, source.split("x"))
    assert str(chosen_size(FREE, source=FrameSize(width, height))) == expected


@given(sizes)
def test_free_size_is_a_multiple_of_about_the_preferred_area(source: FrameSize) -> None:
    size = chosen_size(FREE, source=source)
    assert size.is_multiple_of(32)
    assert 1 / 1.2 <= size.pixels / FREE.preferred.pixels <= 1.2


@given(st.builds(FrameSize, st.integers(200, 4000), st.integers(200, 4000)))
def test_free_size_keeps_usual_aspects_within_a_few_per_cent(source: FrameSize) -> None:
    if 1 / 3 <= source.width / source.height <= 3:
        assert stretches_little(source, chosen_size(FREE, source=source))


def test_free_size_without_a_source_is_the_preferred_one() -> None:
    assert chosen_size(FREE) == FREE.preferred


def test_asked_size_is_taken_or_refused() -> None:
    assert chosen_size(FREE, size=FrameSize(640, 352), source=FrameSize(2, 2)) == FrameSize(640, 352)
    assert chosen_size(FIXED, size=FrameSize(512, 288)) == FIXED.preferred
    with pytest.raises(SettingError, match="multiples of 32 pixels, and 600x352 is not"):
        chosen_size(FREE, size=FrameSize(600, 352))
    with pytest.raises(SettingError, match="frames of 512x288 only, and 640x352 was asked for"):
        chosen_size(FIXED, size=FrameSize(640, 352))


def test_fixed_size_ignores_the_source() -> None:
    assert chosen_size(FIXED, source=FrameSize(100, 900)) == FIXED.preferred


@given(sizes, sizes)
def test_fit_stays_inside_and_touches_two_sides(source: FrameSize, model: FrameSize) -> None:
    placement = place(source, model, "fit")
    assert placement.left >= 0
    assert placement.top >= 0
    assert placement.left + placement.size.width <= model.width
    assert placement.top + placement.size.height <= model.height
    assert placement.size.width == model.width or placement.size.height == model.height
    assert placement.size.width >= 1
    assert placement.size.height >= 1


@given(sizes)
def test_same_size_is_placed_as_it_is(size: FrameSize) -> None:
    for resize in ("fit", "stretch"):
        placement = place(size, size, resize)
        assert (placement.left, placement.top, placement.size) == (0, 0, size)


def test_stretch_takes_the_whole_frame() -> None:
    assert place(FrameSize(10, 500), FrameSize(64, 32), "stretch").size == FrameSize(64, 32)


@pytest.mark.parametrize("source", [FrameSize(64, 8), FrameSize(8, 64), FrameSize(64, 32)])
def test_edges_are_repeated(source: FrameSize) -> None:
    model = FrameSize(64, 32)
    placement = place(source, model, "fit")
    frame = np.zeros((model.height, model.width, 3), np.uint8)
    inside = placement.inside(frame)
    inside[:] = np.random.default_rng(0).integers(1, 256, inside.shape)
    placement.repeat_edges(frame)
    below = model.height - placement.top - placement.size.height
    right = model.width - placement.left - placement.size.width
    around = ((placement.top, below), (placement.left, right), (0, 0))
    np.testing.assert_array_equal(frame, np.pad(placement.inside(frame), around, mode="edge"))
