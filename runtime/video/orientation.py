"""Which way up a video is: the display matrix of a container, and pictures turned by it.

A phone held upright stores a lying picture and a tag that says how to turn it. The network is shown upright pictures,
because it was trained on upright ones; the output is stored as the source was, lying and with the same tag, so every
player and every frame-by-frame comparison treats both files alike.
"""

import math
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.buffer import Buffer
from numpy.typing import NDArray

_MATRIX_BYTES = 9 * 4


@dataclass(frozen=True)
class Orientation:
    """How stored pictures turn into upright ones: an optional transpose, then optional flips."""

    matrix: tuple[int, ...] | None = None
    """The container's 3x3 display matrix in FFmpeg's fixed point, row by row; `None` where there is no tag."""
    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False

    @property
    def rotation_degrees(self) -> int:
        """Counter-clockwise turn from stored to shown, in (-180, 180]; a mirror image counts by its first row."""
        if self.matrix is None:
            return 0
        degrees = round(math.degrees(math.atan2(-self.matrix[1], self.matrix[0])))
        return 180 if degrees == -180 else degrees

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Give the upright size of a stored size, or the stored size of an upright one: (width, height)."""
        return (height, width) if self.transposed else (width, height)

    def upright(self, stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn a stored picture `[h, w, 3]` upright, as a view."""
        picture = stored.transpose(1, 0, 2) if self.transposed else stored
        return self._flipped(picture)

    def stored(self, upright: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn an upright picture `[h, w, 3]` back to how it is stored, as a view."""
        picture = self._flipped(upright)
        return picture.transpose(1, 0, 2) if self.transposed else picture

    def _flipped(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return picture[:: -1 if self.flipped_y else 1, :: -1 if self.flipped_x else 1]


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Read the display matrix of a decoded frame.

    Quarter turns and mirror images are understood. Any other angle keeps its tag and leaves the pictures as stored.
    """
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return Orientation()
    values = np.frombuffer(memoryview(cast(Buffer, side_data))[:_MATRIX_BYTES], dtype=np.int32)
    return orientation_from_matrix(tuple(int(value) for value in values))


def orientation_from_matrix(matrix: tuple[int, ...]) -> Orientation:
    """Derive the turn from a display matrix (a, b, u, c, d, v, x, y, w): a point goes to (a x + c y, b x + d y)."""
    a, b, _, c, d = matrix[:5]
    if b == c == 0 and a != 0 and d != 0:
        return Orientation(matrix, transposed=False, flipped_x=a < 0, flipped_y=d < 0)
    if a == d == 0 and b != 0 and c != 0:
        return Orientation(matrix, transposed=True, flipped_x=c < 0, flipped_y=b < 0)
    return Orientation(matrix)
