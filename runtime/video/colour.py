"""Colour tags of video: which matrix and range turn YUV into RGB, and what the output is tagged with.

The numbers are the code points of ITU-T H.273, which FFmpeg, H.264 and every container share.
"""

from dataclasses import dataclass, replace
from typing import Final

import av
from av.video.reformatter import ColorRange, Colorspace

UNSPECIFIED: Final = 2
LIMITED: Final = 1
FULL: Final = 2

_MATRIX_RGB: Final = 0
_MATRIX_BT709: Final = 1
_MATRIX_BT601: Final = 6
_MATRIX_BT2020: Final = 9
_MATRIX_BT2020_CONSTANT: Final = 10

_SWSCALE_MATRICES: Final = {
    _MATRIX_BT709: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    _MATRIX_BT601: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    _MATRIX_BT2020: Colorspace.BT2020,
    _MATRIX_BT2020_CONSTANT: Colorspace.BT2020,
}


@dataclass(frozen=True)
class ColourTags:
    """The four colour tags of a video, as H.273 code points. `UNSPECIFIED` (range: 0) stands for an absent tag."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    range: int = 0
    """0 absent, 1 limited (16 to 235), 2 full (0 to 255)."""

    @property
    def is_full_range(self) -> bool:
        """True for full range; an absent tag means limited range, as every player takes it."""
        return self.range == FULL


def tags_of(frame: av.VideoFrame) -> ColourTags:
    """Read the colour tags of a decoded frame. RGB pixel formats get the RGB matrix whatever they are tagged with."""
    matrix = _MATRIX_RGB if frame.format.is_rgb else frame.colorspace
    return ColourTags(int(frame.color_primaries), int(frame.color_trc), int(matrix), int(frame.color_range))


def swscale_matrix(tags: ColourTags, width: int, height: int) -> Colorspace:
    """Choose the matrix that libswscale converts with.

    Untagged video, and matrices that libswscale does not have, follow the rule of the common players: BT.709 for HD
    (at least 1280 wide or more than 576 high), else BT.601.
    """
    default = Colorspace.ITU709 if width >= 1280 or height > 576 else Colorspace.ITU601
    return _SWSCALE_MATRICES.get(tags.matrix, default)


def swscale_range(tags: ColourTags) -> ColorRange:
    """Choose the range that libswscale converts with."""
    return ColorRange.JPEG if tags.is_full_range else ColorRange.MPEG


def output_tags(tags: ColourTags, width: int, height: int) -> ColourTags:
    """Choose the tags of the YUV output for a source with these tags.

    They are the source's own, absent ones included, so that a player treats both alike. Only a matrix that cannot be
    written as it was read is replaced: RGB sources and rare matrices become BT.709 or BT.601 by size, and RGB becomes
    limited range.
    """
    if tags.matrix == _MATRIX_BT2020_CONSTANT:
        return replace(tags, matrix=_MATRIX_BT2020)
    if tags.matrix == UNSPECIFIED or tags.matrix in _SWSCALE_MATRICES:
        return tags
    is_hd = swscale_matrix(tags, width, height) is Colorspace.ITU709
    matrix = _MATRIX_BT709 if is_hd else _MATRIX_BT601
    return replace(tags, matrix=matrix, range=LIMITED if tags.matrix == _MATRIX_RGB else tags.range)
