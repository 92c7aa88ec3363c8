"""Colour transfer after Reinhard, Ashikhmin, Gooch & Shirley, "Color Transfer between Images" (CG&A 2001).

The oldest baseline that changes a picture's mood and keeps its structure: a translator has to beat it. Mean and
standard deviation of each channel are matched in Ruderman's l-alpha-beta space, with the matrices of the paper.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.pixels import Picture

_LMS_FROM_RGB: Final = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
_LAB_FROM_LOG_LMS: Final = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])
_DARKEST: Final = 1 / 255
"""LMS below this is raised to it, since the logarithm of black does not exist."""


@dataclass(frozen=True)
class ColourStatistics:
    """Mean and standard deviation of l, alpha and beta, [3] each."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


class ColourSums:
    """Running sums over the pixels of many pictures, of fixed size."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = np.zeros(3)
        self._squares = np.zeros(3)

    def add(self, picture: Picture) -> None:
        """Add the pixels of one picture."""
        lab = _lab_from_rgb(picture)
        self._count += len(lab)
        self._sum += lab.sum(axis=0, dtype=np.float64)
        self._squares += np.square(lab).sum(axis=0, dtype=np.float64)

    def __add__(self, other: "ColourSums") -> "ColourSums":
        """Return the sums over the pixels of both."""
        both = ColourSums()
        both._count = self._count + other._count
        both._sum, both._squares = self._sum + other._sum, self._squares + other._squares
        return both

    def statistics(self) -> ColourStatistics:
        """Return mean and deviation of all pixels so far; at least one picture was added."""
        mean = self._sum / self._count
        return ColourStatistics(mean, np.sqrt(np.maximum(self._squares / self._count - mean**2, 0)))


def reinhard(picture: Picture, target: ColourStatistics) -> Picture:
    """Return the picture with the target's mean and deviation of each channel.

    Args:
        picture: uint8 [H, W, 3], RGB.
        target: Of the pictures whose colours are wanted.
    """
    lab = _lab_from_rgb(picture)
    mean, deviation = (statistic(axis=0, dtype=np.float64) for statistic in (lab.mean, lab.std))
    gain = np.divide(target.deviation, deviation, out=np.ones(3), where=deviation > 0)
    moved = lab * gain.astype(np.float32) + (target.mean - mean * gain).astype(np.float32)
    lms = np.power(np.float32(10), moved @ np.linalg.inv(_LAB_FROM_LOG_LMS).T.astype(np.float32))
    rgb = lms @ np.linalg.inv(_LMS_FROM_RGB).T.astype(np.float32)
    bytes_: Picture = np.clip(np.rint(rgb * 255), 0, 255).astype(np.uint8).reshape(picture.shape)
    return bytes_


def _lab_from_rgb(picture: Picture) -> NDArray[np.float32]:
    """Return l, alpha and beta of every pixel, [H * W, 3]."""
    rgb = picture.reshape(-1, 3).astype(np.float32) / np.float32(255)
    lms = rgb @ _LMS_FROM_RGB.T.astype(np.float32)
    logarithm = np.log10(np.maximum(lms, np.float32(_DARKEST)))
    lab: NDArray[np.float32] = logarithm @ _LAB_FROM_LOG_LMS.T.astype(np.float32)
    return lab
