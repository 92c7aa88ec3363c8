"""Luminance, as it is and with its local brightness and contrast taken out, so that darkening costs nothing."""

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.pixels import Picture

_REC_709 = (np.float32(0.2126), np.float32(0.7152), np.float32(0.0722))
_NEIGHBOURHOOD = 1 / 36
"""Standard deviation of the Gaussian window as a part of the shorter side: 8 px of 288."""
_NOISE_LEVELS = 2.0
"""Contrast below this standard deviation, in levels of 255, counts as noise and is not amplified to full contrast."""


def luminance(picture: Picture) -> NDArray[np.float32]:
    """Return the luma of Rec. 709, [H, W] in [0, 255]."""
    red, green, blue = (picture[..., index] * weight for index, weight in enumerate(_REC_709))
    luma: NDArray[np.float32] = red + green + blue
    return luma


def local_normalised(picture: Picture) -> NDArray[np.float32]:
    """Return the luminance less its local mean, over its local standard deviation.

    Divisive normalisation as in Mittal et al., BRISQUE (TIP 2012), eq. 1: (l - mean) / (deviation + c) with Gaussian
    windows. A gain and an offset that vary slowly over the picture drop out.

    Returns:
        [H, W], about 0, seldom outside [-3, 3].
    """
    import cv2

    luma = luminance(picture)
    sigma_px = max(min(luma.shape) * _NEIGHBOURHOOD, 1.0)
    mean = cv2.GaussianBlur(luma, (0, 0), sigma_px)
    variance = cv2.GaussianBlur(luma * luma, (0, 0), sigma_px) - mean * mean
    normalised = (luma - mean) / (np.sqrt(np.maximum(variance, 0)) + _NOISE_LEVELS)
    return normalised.astype(np.float32)
