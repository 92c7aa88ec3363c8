"""Flicker: how much the brightness of places goes up and down quickly, from the spectrum over time."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.luminance import luminance
from onestep.evaluation.measures.pixels import Picture

SLOWEST_HZ: Final = 3.0
"""Changes slower than this are taken for the scene's own."""
_CELLS: Final = 8
"""The picture is cut in 8 x 8 cells."""


def cell_brightness(picture: Picture) -> NDArray[np.float32]:
    """Return the mean luma of each cell of a frame, [64] in [0, 255]."""
    import cv2

    cells = cv2.resize(luminance(picture), (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.float32).ravel()


def cell_flicker(brightness: NDArray[np.floating], frames_per_second: float) -> NDArray[np.float64] | None:
    """Return the mean square of each cell's changes at `SLOWEST_HZ` and faster, in squared per cent of the mean luma.

    The power spectrum of the cell's brightness, its straight trend removed, under a Hann window, summed from
    `SLOWEST_HZ` up to half the frame rate.

    Args:
        brightness: [frames, cells], from `cell_brightness`.
        frames_per_second: Rate of the frames, above 0.

    Returns:
        [cells]; None below eight frames, or where the frame rate is too low to show such changes.
    """
    count = len(brightness)
    if count < 8 or frames_per_second < 2 * SLOWEST_HZ:
        return None
    time = np.linspace(-1, 1, count)
    series = brightness.astype(np.float64) - brightness.mean(axis=0)
    series -= np.outer(time, time @ series / (time @ time))
    window = np.hanning(count)
    power = np.square(np.abs(np.fft.rfft(series * window[:, None], axis=0)))  # [frequencies, cells]
    power[1 : (count + 1) // 2] *= 2  # the negative frequencies
    fast = np.fft.rfftfreq(count, 1 / frames_per_second) >= SLOWEST_HZ
    mean_squares = power[fast].sum(axis=0) / (count * np.square(window).sum())
    squares: NDArray[np.float64] = mean_squares * (100 / max(float(brightness.mean()), 1.0)) ** 2
    return squares


def flicker_percent(squares: NDArray[np.float64]) -> float:
    """Return the flicker of a video from its `cell_flicker`: the root of the mean over cells, in per cent."""
    return float(np.sqrt(squares.mean()))
