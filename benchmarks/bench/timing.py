"""Statistics of measured times."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

FEW_SAMPLES = 5
"""With fewer samples than this a row is marked: its p95 and p99 are its slowest call."""


@dataclass(frozen=True)
class Timing:
    """What a list of times says, in milliseconds per frame."""

    count: int
    median_ms: float
    p95_ms: float
    """The smallest measured time that is not below 95 % of all."""
    p99_ms: float
    spread: float
    """Distance from the first to the third quartile, as a share of the median."""
    samples_ms: list[float]
    """Every measured time, in the order of measuring."""


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that is not below `percent` per cent of all (nearest rank, nothing interpolated).

    Args:
        samples: At least one, in any order.
        percent: Above 0, up to 100.
    """
    rank = max(math.ceil(len(samples) * percent / 100), 1)
    return sorted(samples)[rank - 1]


def timing_from_samples(samples_ms: Sequence[float]) -> Timing:
    """Summarise at least one time in milliseconds."""
    median = statistics.median(samples_ms)
    quartiles = percentile(samples_ms, 75) - percentile(samples_ms, 25)
    return Timing(
        count=len(samples_ms),
        median_ms=median,
        p95_ms=percentile(samples_ms, 95),
        p99_ms=percentile(samples_ms, 99),
        spread=quartiles / median if median else 0.0,
        samples_ms=list(samples_ms),
    )
