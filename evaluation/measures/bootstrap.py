"""Bootstrap intervals (Efron & Tibshirani 1993): percentiles over resampled pictures, always the same draw."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

RESAMPLES: Final = 1000
LEVEL: Final = 0.95
_SEED: Final = 20240318

Interval = tuple[float, float]
"""Low and high."""


def resample_counts(count: int, *, resamples: int = RESAMPLES, stream: int = 0) -> NDArray[np.float64]:
    """Return how often each of `count` pictures is drawn in each resample.

    Args:
        count: Number of pictures.
        resamples: Number of resamples.
        stream: Another number, another independent draw.

    Returns:
        [resamples, count] whole numbers; each row sums to `count`.
    """
    rng = np.random.default_rng([_SEED, stream])
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)


def percentile_interval(resampled: NDArray[np.float64]) -> Interval:
    """Return the middle `LEVEL` of a figure's values over the resamples, [resamples]."""
    tail = (1 - LEVEL) / 2 * 100
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(low), float(high)


def mean_interval(values: NDArray[np.float64]) -> Interval | None:
    """Return the interval of the mean of independent values [n]; None below two values."""
    if len(values) < 2:
        return None
    return percentile_interval(resample_counts(len(values)) @ values / len(values))


def block_mean_interval(values: NDArray[np.float64], block: int) -> Interval | None:
    """Return the interval of the mean of a series [n] whose neighbours resemble each other.

    Blocks of neighbours are resampled instead of single values (Carlstein 1986, the blocks do not overlap).

    Returns:
        None below two blocks.
    """
    blocks = np.array_split(values, max(len(values) // block, 1))
    if len(blocks) < 2:
        return None
    counts = resample_counts(len(blocks))
    sums, lengths = np.array([part.sum() for part in blocks]), np.array([len(part) for part in blocks])
    return percentile_interval(counts @ sums / (counts @ lengths))


def order_interval(values: NDArray[np.float64], percent: float) -> Interval | None:
    """Return the interval of a percentile of independent values [n]; None below two values."""
    if len(values) < 2:
        return None
    rng = np.random.default_rng(_SEED)
    resamples = (values[rng.integers(0, len(values), len(values))] for _ in range(RESAMPLES))  # one at a time in memory
    return percentile_interval(np.array([np.percentile(drawn, percent) for drawn in resamples]))
