"""Frame sizes as texts and as multiples."""

from typing import Any

import pytest

from onestep.errors import SettingError
from onestep.frame_size import FrameSize, checked_multiple, frame_size_from, frame_size_from_text, nearest_multiples


def test_text_gives_width_then_height() -> None:
    assert frame_size_from_text("512x288") == FrameSize(width=512, height=288)
    assert str(FrameSize(512, 288)) == "512x288"


@pytest.mark.parametrize("text", ["", "512", "512x", "0x288", "512x-1", "512 288", "512x288x3", "axb", "5.5x3"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(SettingError, match="is not a frame size. Write WIDTHxHEIGHT in pixels, such as 512x288"):
        frame_size_from_text(text)


@pytest.mark.parametrize("size", ["512x288", (512, 288), FrameSize(512, 288)])
def test_a_size_may_be_given_as_text_or_as_numbers(size: tuple[int, int] | str) -> None:
    assert frame_size_from(size) == FrameSize(512, 288)


@pytest.mark.parametrize("size", [(512,), (512, 288, 3), (512.5, 288), (0, 288)])
def test_other_numbers_are_refused(size: Any) -> None:
    with pytest.raises(SettingError, match="is not a frame size. Write WIDTHxHEIGHT in pixels"):
        frame_size_from(size)


def test_nearest_multiples_are_below_and_above() -> None:
    assert nearest_multiples(FrameSize(500, 300), 64) == (FrameSize(448, 256), FrameSize(512, 320))
    assert nearest_multiples(FrameSize(2, 2), 64) == (FrameSize(64, 64), FrameSize(64, 64))


def test_a_size_that_is_no_multiple_names_the_nearest() -> None:
    assert checked_multiple(FrameSize(512, 256), 64, what="It") == FrameSize(512, 256)
    with pytest.raises(
        SettingError, match=r"It takes sizes in multiples of 64 pixels, and 500x300 is not.*448x256 or 512x320"
    ):
        checked_multiple(FrameSize(500, 300), 64, what="It")
