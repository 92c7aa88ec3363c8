"""Frame sizes: `512x288` means 512 pixels wide and 288 high, everywhere in this project."""

import re
from typing import NamedTuple

from onestep.errors import SettingError


class FrameSize(NamedTuple):
    """Width and height of a frame in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    def is_multiple_of(self, multiple: int) -> bool:
        """Tell whether both sides are multiples of `multiple` pixels."""
        return self.width % multiple == 0 and self.height % multiple == 0


def frame_size_from_text(text: str) -> FrameSize:
    """Read `WIDTHxHEIGHT`, such as `512x288`.

    Raises:
        SettingError: The text is not two positive whole numbers with an x between them.
    """
    match = re.fullmatch(r"([1-9]\d{0,4})[xX]([1-9]\d{0,4})", text.strip())
    if match is None:
        raise SettingError(f"{text!r} is not a frame size. Write WIDTHxHEIGHT in pixels, such as 512x288.")
    return FrameSize(int(match[1]), int(match[2]))


def frame_size_from(size: tuple[int, int] | str) -> FrameSize:
    """Read a frame size in any of the ways that one is given: `FrameSize`, `(512, 288)` or `512x288`.

    Raises:
        SettingError: It is not two positive whole numbers.
    """
    if isinstance(size, FrameSize):
        return size
    return frame_size_from_text(size if isinstance(size, str) else "x".join(map(str, size)))


def nearest_multiples(size: FrameSize, multiple: int) -> tuple[FrameSize, FrameSize]:
    """Return the nearest sizes below and above `size` whose sides are multiples of `multiple` pixels."""
    below = FrameSize(*(max(side // multiple, 1) * multiple for side in size))
    above = FrameSize(*(-(-side // multiple) * multiple for side in size))
    return below, above


def checked_multiple(size: FrameSize, multiple: int, *, what: str) -> FrameSize:
    """Return `size` if its sides are multiples of `multiple` pixels.

    Raises:
        SettingError: They are not; the message names the nearest sizes that are.
    """
    if size.is_multiple_of(multiple):
        return size
    below, above = nearest_multiples(size, multiple)
    raise SettingError(
        f"{what} takes sizes in multiples of {multiple} pixels, and {size} is not. Nearest: {below} or {above}."
    )
