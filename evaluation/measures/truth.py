"""Against the true picture of the same moment: PSNR and SSIM, by scikit-image."""

from typing import Final

import numpy as np

from onestep.evaluation.measures.pixels import Picture, check_pair
from onestep.evaluation.measures.wang_ssim import mean_ssim

EQUAL_DB: Final = 100.0
"""PSNR that equal pictures are given, so that a mean stays finite."""


def psnr(output: Picture, truth: Picture) -> float:
    """Return the peak signal-to-noise ratio in dB over the bytes of all channels, at most `EQUAL_DB`.

    Raises:
        InputError: They are no pictures, or differ in size.
    """
    from skimage.metrics import peak_signal_noise_ratio

    check_pair(output, truth)
    if np.array_equal(output, truth):
        return EQUAL_DB
    ratio_db = peak_signal_noise_ratio(truth, output, data_range=255)  # type: ignore[no-untyped-call]
    return min(float(ratio_db), EQUAL_DB)


def ssim(output: Picture, truth: Picture) -> float:
    """Return the mean SSIM over the channels with the Gaussian window of Wang et al. (TIP 2004), in [-1, 1].

    Raises:
        InputError: They are no pictures, or differ in size.
    """
    check_pair(output, truth)
    return mean_ssim(truth, output, data_range=255)
