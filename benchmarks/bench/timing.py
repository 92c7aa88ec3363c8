"""Statistics of measured times."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

FEW_SAMPLES = 5
"""With fewer samples than this a row is marked: its p95 and p99 are its slowest call."""
NEAR = 5
"""So many calls of another row, those nearest in time, a call is compared with."""


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
    at_seconds: list[float] = field(default_factory=list)
    """When each began, on one clock for all rows of a run; empty where nothing is to be paired."""


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that is not below `percent` per cent of all (nearest rank, nothing interpolated).

    Args:
        samples: At least one, in any order.
        percent: Above 0, up to 100.
    """
    rank = max(math.ceil(len(samples) * percent / 100), 1)
    return sorted(samples)[rank - 1]


def paired_ratio(timing: Timing, baseline: Timing) -> float:
    """Return how many times as long a row takes as another: the median of its calls, each over the other's near it.

    Near are the `NEAR` calls of the other row with the shortest time between them and the call; their median counts. A
    machine that is slow for a while is so for all of them, so the ratio says more than that of two medians, which is
    what is returned where it is not known when the calls began.
    """
    if not timing.at_seconds or not baseline.at_seconds:
        return timing.median_ms / baseline.median_ms
    others = list(zip(baseline.at_seconds, baseline.samples_ms, strict=True))
    return statistics.median(
        ms / _near(others, at, at + ms / 1e3) for at, ms in zip(timing.at_seconds, timing.samples_ms, strict=True)
    )


def _near(others: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """Return the median time of the calls, each with its begin and its milliseconds, that are nearest to a span."""

    def gap(call: tuple[float, float]) -> float:
        at, ms = call
        return max(at - end, begin - (at + ms / 1e3), 0.0)

    return statistics.median(ms for _, ms in sorted(others, key=gap)[:NEAR])


def timing_from_samples(samples_ms: Sequence[float], *, at_seconds: Sequence[float] = ()) -> Timing:
    """Summarise at least one time in milliseconds, and when each began if that is known."""
    median = statistics.median(samples_ms)
    quartiles = percentile(samples_ms, 75) - percentile(samples_ms, 25)
    return Timing(
        count=len(samples_ms),
        median_ms=median,
        p95_ms=percentile(samples_ms, 95),
        p99_ms=percentile(samples_ms, 99),
        spread=quartiles / median if median else 0.0,
        samples_ms=list(samples_ms),
        at_seconds=list(at_seconds),
    )
