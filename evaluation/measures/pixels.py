"""What a picture is to every measure, and the check that two can be compared place by place."""

import numpy as np
from numpy.typing import NDArray

from onestep.errors import InputError

Picture = NDArray[np.uint8]
"""uint8 [H, W, 3], RGB."""


def check_pair(a: Picture, b: Picture) -> None:
    """Raise InputError unless both are pictures of the same size."""
    for picture in (a, b):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
            raise InputError(
                f"A picture to measure must be uint8 [H, W, 3] in RGB order, got {picture.dtype} {list(picture.shape)}."
            )
    if a.shape != b.shape:
        raise InputError(
            f"Two pictures of different sizes cannot be compared place by place: {a.shape[1]}x{a.shape[0]} and "
            f"{b.shape[1]}x{b.shape[0]}. Resize one of them first."
        )
