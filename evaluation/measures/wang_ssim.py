"""SSIM as its authors computed it (Wang, Bovik, Sheikh & Simoncelli, TIP 2004), by scikit-image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onestep.errors import InputError


def mean_ssim(a: NDArray[Any], b: NDArray[Any], *, data_range: float) -> float:
    """Return the mean structural similarity with a Gaussian window of 1.5 pixels, in [-1, 1].

    Args:
        a: [H, W], or [H, W, C] whose channels are averaged; sides of at least 11.
        b: The same shape.
        data_range: Difference of the largest and smallest value that there can be.

    Raises:
        InputError: A side is shorter than the window.
    """
    from skimage.metrics import structural_similarity

    if min(a.shape[:2]) < 11:
        raise InputError(f"SSIM needs pictures of at least 11x11 pixels, got {a.shape[1]}x{a.shape[0]}.")
    similarity = structural_similarity(  # type: ignore[no-untyped-call]
        a,
        b,
        data_range=data_range,
        channel_axis=2 if a.ndim == 3 else None,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(np.asarray(similarity))
