"""The source's detail on its way back to full size: luma that the network never saw, scaled as the network scaled it.

The network computes at about 512x288. Its result, enlarged, lacks what is finer than that. What the source loses on a
like way down and up is known; it is added to the result, multiplied by how much the network changed contrast there: the
slope of a local linear fit of the result's luma on the source's (He and Sun 2015, `Fast Guided Filter`; Chen et al.
2016, `Bilateral Guided Upsampling`, fit the same on a grid). Where a bright wall became dark its texture becomes weak,
and where the network drew something new the slope is near 0, so nothing is added.

It is in the way of every frame of a video, so it is made of few and cheap passes: the fit is computed for each second
pixel each way, and the source is made small by halves, a blur and an interpolation (`docs/trials.md` has what that cost
and saved).

Only luma: colour has half the resolution in video, which the network's size covers.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.frame_size import FrameSize
from onestep.runtime.opencv import opencv
from onestep.runtime.slots import Pixels

Luma = NDArray[np.uint8]
Floats = NDArray[np.float32]

_WINDOW: Final = (3, 3)
"""The square that the fit looks at, in pairs of the network's pixels."""
FLAT_VARIANCE: Final = 16.0
"""Squared levels of 255: below this a square is flat, and its slope goes to 0."""
STEEPEST: Final = 2.0
"""Contrast is not raised by more, since noise would be raised too."""
_STEPS: Final = 256
"""Of a slope of 1, where it is a whole number."""
_BLUR: Final = 1.0 / 3.0
"""Deviation of the blur before interpolation, in pixels for each pixel that becomes one: more takes the result further
from the truth, less lets stripes of a pixel or two come back as broad ones that the source does not have."""


def contrast_slope(source: Pixels, translated: Pixels) -> Floats:
    """Fit the result's luma on the source's around each pair of pixels each way.

    Args:
        source: [h, w, 3] uint8, RGB: what the network saw.
        translated: [h, w, 3] uint8, RGB: what it made of it.

    Returns:
        [h / 2, w / 2] float32 in [0, `STEEPEST`]; halves are rounded down, and 1 at the least.
    """
    cv2 = opencv()

    before, after = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in (source, translated))
    mean_before, mean_after = _mean(before), _mean(after)
    variance = _mean(before * before) - mean_before * mean_before
    covariance = _mean(before * after) - mean_before * mean_after
    slope = covariance / (np.maximum(variance, 0.0) + np.float32(FLAT_VARIANCE))
    smooth: Floats = cv2.blur(np.clip(slope, 0.0, STEEPEST), _WINDOW)
    return smooth


def add_detail(luma: Luma, source_luma: Luma, slope: Floats, seen: FrameSize) -> None:
    """Add the detail that the source lost on the way to the network's size.

    Args:
        luma: [H, W] uint8, the enlarged result's luma; changed in place, need not be contiguous.
        source_luma: [H, W] uint8, the source's, in the same range.
        slope: [h / 2, w / 2] float32, see `contrast_slope`.
        seen: Width and height at which the network saw the source.
    """
    cv2 = opencv()

    size = (luma.shape[1], luma.shape[0])
    small = _shrunk(source_luma, seen)
    lost = cv2.subtract(source_luma, cv2.resize(small, size, interpolation=cv2.INTER_CUBIC), dtype=cv2.CV_16S)
    steps = cv2.resize((slope * _STEPS).astype(np.int16), size, interpolation=cv2.INTER_LINEAR)
    luma[:] = cv2.add(luma, cv2.multiply(lost, steps, scale=1.0 / _STEPS), dtype=cv2.CV_8U)


def add_detail_rgb(translated: Pixels, source: Pixels, slope: Floats, seen: FrameSize) -> None:
    """Add the lost detail to a picture; every colour gets the same.

    Args:
        translated: [H, W, 3] uint8, RGB, the enlarged result; changed in place.
        source: [H, W, 3] uint8, RGB.
        slope: [h / 2, w / 2] float32, see `contrast_slope`.
        seen: Width and height at which the network saw the source.
    """
    cv2 = opencv()

    grey = cv2.cvtColor(np.ascontiguousarray(source), cv2.COLOR_RGB2GRAY)
    flat = np.full_like(grey, _MIDDLE)
    add_detail(flat, grey, slope, seen)
    change = flat.astype(np.int16) - _MIDDLE
    translated[:] = np.clip(translated + change[..., None], 0, 255).astype(np.uint8)


def _mean(values: Floats) -> Floats:
    """Average over the window around each pair of pixels each way."""
    cv2 = opencv()

    half = (max(values.shape[1] // 2, 1), max(values.shape[0] // 2, 1))
    mean: Floats = cv2.blur(cv2.resize(values, half, interpolation=cv2.INTER_AREA), _WINDOW)
    return mean


def _shrunk(luma: Luma, size: FrameSize) -> Luma:
    """Make a picture small with little aliasing: by halves, which is cheap, the rest by a blur and an interpolation."""
    cv2 = opencv()

    while luma.shape[1] >= 2 * size.width or luma.shape[0] >= 2 * size.height:
        halves = (_halved(luma.shape[1], size.width), _halved(luma.shape[0], size.height))
        luma = cv2.resize(luma, halves, interpolation=cv2.INTER_AREA)
    across, down = (_BLUR * full / small for full, small in zip(luma.shape[::-1], size, strict=True))
    luma = cv2.GaussianBlur(luma, (3, 3), across, sigmaY=down)
    shrunk: Luma = cv2.resize(luma, tuple(size), interpolation=cv2.INTER_CUBIC)
    return shrunk


def _halved(side: int, least: int) -> int:
    return side // 2 if side >= 2 * least else side


_MIDDLE: Final = 128
"""Detail is small next to half of the range, so it fits around the middle."""
