"""The source's detail on its way back to full size: luma that the network never saw, scaled as the network scaled it.

The network computes at about 512x288. Its result, enlarged, lacks what is finer than that. What is lost in the source
by the same way down and up is known exactly; it is added to the result, multiplied by how much the network changed
contrast there: the slope of a local linear fit of the result's luma on the source's (He and Sun 2015, `Fast Guided
Filter`; Chen et al. 2016, `Bilateral Guided Upsampling`, fit the same on a grid). Where a bright wall became dark its
texture becomes weak, and where the network drew something new the slope is near 0, so nothing is added.

Only luma: colour has half the resolution in video, which the network's size covers.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.runtime.opencv import opencv
from onestep.runtime.slots import Pixels

Luma = NDArray[np.uint8]
Floats = NDArray[np.float32]

WINDOW_PX: Final = 5
"""Side of the square that the fit looks at, in pixels of the network."""
FLAT_VARIANCE: Final = 16.0
"""Squared levels of 255: below this a square is flat, and its slope goes to 0."""
STEEPEST: Final = 2.0
"""Contrast is not raised by more, since noise would be raised too."""


def contrast_slope(source: Pixels, translated: Pixels) -> Floats:
    """Fit the result's luma on the source's around each pixel.

    Args:
        source: [h, w, 3] uint8, RGB: what the network saw.
        translated: [h, w, 3] uint8, RGB: what it made of it.

    Returns:
        [h, w] float32 in [0, `STEEPEST`].
    """
    cv2 = opencv()

    before, after = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in (source, translated))
    window = (WINDOW_PX, WINDOW_PX)
    mean_before, mean_after = cv2.blur(before, window), cv2.blur(after, window)
    variance = cv2.blur(before * before, window) - mean_before * mean_before
    covariance = cv2.blur(before * after, window) - mean_before * mean_after
    slope = covariance / (np.maximum(variance, 0.0) + np.float32(FLAT_VARIANCE))
    smooth: Floats = cv2.blur(np.clip(slope, 0.0, STEEPEST), window)
    return smooth


def add_detail(luma: Luma, source_luma: Luma, slope: Floats) -> None:
    """Add the detail that the source lost on the way to the network's size.

    Args:
        luma: [H, W] uint8, the enlarged result's luma; changed in place, need not be contiguous.
        source_luma: [H, W] uint8, the source's, in the same range.
        slope: [h, w] float32, see `contrast_slope`.
    """
    cv2 = opencv()

    size = (luma.shape[1], luma.shape[0])
    small = cv2.resize(source_luma, (slope.shape[1], slope.shape[0]), interpolation=cv2.INTER_AREA)
    lost = cv2.subtract(source_luma, cv2.resize(small, size, interpolation=cv2.INTER_CUBIC), dtype=cv2.CV_32F)
    change = cv2.multiply(lost, cv2.resize(slope, size, interpolation=cv2.INTER_LINEAR))
    luma[:] = cv2.add(luma, change, dtype=cv2.CV_8U)


def add_detail_rgb(translated: Pixels, source: Pixels, slope: Floats) -> None:
    """Add the lost detail to a picture; every colour gets the same.

    Args:
        translated: [H, W, 3] uint8, RGB, the enlarged result; changed in place.
        source: [H, W, 3] uint8, RGB.
        slope: [h, w] float32, see `contrast_slope`.
    """
    cv2 = opencv()

    grey = cv2.cvtColor(np.ascontiguousarray(source), cv2.COLOR_RGB2GRAY)
    flat = np.full_like(grey, _MIDDLE)
    add_detail(flat, grey, slope)
    change = flat.astype(np.int16) - _MIDDLE
    translated[:] = np.clip(translated + change[..., None], 0, 255).astype(np.uint8)


_MIDDLE: Final = 128
"""Detail is small next to half of the range, so it fits around the middle."""
