"""What the paired generators were trained on instead of photographs: edges, or a sketch's lines.

Both are computed at the network's own size, as when the published weights are used (`src/inference_paired.py` of
GaParmar/img2img-turbo).
"""

from collections.abc import Callable
from typing import Final, Literal, get_args

import numpy as np

from onestep.errors import UnknownNameError
from onestep.runtime.slots import Pixels

Prepare = Literal["canny", "sketch"]
CANNY_THRESHOLDS: Final = (100, 200)
"""Of the gradient (Canny 1986): what is above the second is an edge, and what is above the first and joins one."""
_HALF_LEVEL = 128


def preparation(name: str | None) -> Callable[[Pixels], None]:
    """Return what prepares a picture in place.

    Args:
        name: `canny` for white edges on black, `sketch` for a drawing with dark lines on light paper, which become
            white on black; None for a picture that is taken as it is.

    Returns:
        A function of [h, w, 3] uint8, RGB; need not be contiguous.

    Raises:
        UnknownNameError: There is no such preparation.
    """
    if name is None:
        return _leave
    if name == "canny":
        return _canny
    if name == "sketch":
        return _sketch
    raise UnknownNameError("preparation", name, get_args(Prepare))


def _leave(picture: Pixels) -> None:
    """Take the picture as it is."""


def _canny(picture: Pixels) -> None:
    import cv2

    picture[:] = cv2.Canny(np.ascontiguousarray(picture), *CANNY_THRESHOLDS)[:, :, None]


def _sketch(picture: Pixels) -> None:
    picture[:] = np.where(picture < _HALF_LEVEL, np.uint8(255), np.uint8(0))
