"""Colour in CIE Lab (D65): the difference to a true picture, and how far two sets of pictures are apart."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.pixels import Picture, check_pair

BINS: Final = 256
RANGES: Final = ((0.0, 100.0), (-128.0, 128.0), (-128.0, 128.0))
"""Of L, a and b."""


def ciede2000(output: Picture, truth: Picture) -> float:
    """Return the mean CIEDE2000 colour difference (CIE 142-2001) over all pixels, by scikit-image; 0 for equal ones.

    Raises:
        InputError: They are no pictures, or differ in size.
    """
    from skimage.color import deltaE_ciede2000

    check_pair(output, truth)
    difference = deltaE_ciede2000(lab_from_rgb(truth), lab_from_rgb(output))  # type: ignore[no-untyped-call]
    return float(difference.mean())


def lab_from_rgb(picture: Picture) -> NDArray[np.float32]:
    """Return CIE Lab of an sRGB picture under D65, [H, W, 3]."""
    from skimage.color import rgb2lab

    lab: NDArray[np.float32] = rgb2lab(picture.astype(np.float32) / np.float32(255))
    return lab


def lab_histogram(picture: Picture) -> NDArray[np.float64]:
    """Return the share of pixels in each bin of L, a and b.

    Returns:
        [3, BINS], each row sums to 1. The mean over pictures of one size is the histogram of all their pixels.
    """
    lab = lab_from_rgb(picture)
    rows = [np.histogram(lab[..., index], BINS, RANGES[index])[0] for index in range(3)]
    shares: NDArray[np.float64] = np.stack(rows) / (picture.shape[0] * picture.shape[1])
    return shares


def histogram_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far colour has to be moved to turn one histogram into the other, in Lab units.

    The Wasserstein-1 distance (earth mover's distance, Rubner et al., IJCV 2000) of each channel, averaged.

    Args:
        a: [..., 3, BINS], as `lab_histogram` gives it, or means of such.
        b: The same shape, or one that broadcasts.

    Returns:
        [...]; 0 for equal histograms.
    """
    widths = np.array([(high - low) / BINS for low, high in RANGES])
    moved = np.abs(np.cumsum(a - b, axis=-1)).sum(axis=-1)  # [..., 3], in bins
    distance: NDArray[np.float64] = (moved * widths).mean(axis=-1)
    return distance
