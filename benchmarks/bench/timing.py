"""Statistics of measured times."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Calls = NDArray[np.float64]

FEW_SAMPLES = 5
"""With fewer samples than this a row is marked."""
TAIL_SAMPLES = {95: 20, 99: 100}
"""With fewer samples than this a percentile of the nearest rank is the slowest call, whatever the distribution."""
NEAR_SHARE = 3
"""A call is compared with the third of another row's calls that is nearest in time."""


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
    ended_seconds: list[float] = field(default_factory=list)
    """When each ended: a measured time may be for one of several frames, or hold steps that were not run."""


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that is not below `percent` per cent of all (nearest rank, nothing interpolated).

    Args:
        samples: At least one, in any order.
        percent: Above 0, up to 100.
    """
    rank = max(math.ceil(len(samples) * percent / 100), 1)
    return sorted(samples)[rank - 1]


def spread(samples: Sequence[float]) -> float:
    """Return the distance from the first to the third quartile as a share of the median; at least one sample."""
    middle = statistics.median(samples)
    return (percentile(samples, 75) - percentile(samples, 25)) / middle if middle else 0.0


def paired_ratio(timing: Timing, baseline: Timing) -> float:
    """Return how many times as long a row takes as another: the median of `paired_ratios`.

    A machine that is slow for a while is so for all of them, so the ratio says more than that of two medians, which is
    what is returned where it is not known when the calls began.
    """
    if not timing.at_seconds or not baseline.at_seconds:
        return timing.median_ms / baseline.median_ms
    return statistics.median(paired_ratios(timing, baseline))


def paired_ratios(timing: Timing, baseline: Timing) -> list[float]:
    """Return each of a row's calls over another row's near it.

    Near is the third of the other row's calls with the shortest time between them and the call; its median counts. It
    must be known of both when their calls began.
    """
    ratios = ratios_to_near(calls_of(timing), calls_of(baseline))
    return [float(ratio) for ratio in ratios]


def ratios_to_near(calls: Calls, others: Calls) -> NDArray[np.float64]:
    """Return `[N]` ratios of calls to the calls of another row near them, as `paired_ratios` defines it.

    Args:
        calls: `[N, 3]`, when each began and ended in seconds, and how long it took in milliseconds.
        others: `[M, 3]`, the same of the other row, M at least 1.
    """
    before = others[None, :, 0] - calls[:, None, 1]  # [N, M]
    after = calls[:, None, 0] - others[None, :, 1]  # [N, M]
    gaps = np.maximum(np.maximum(before, after), 0.0)
    nearest = np.argsort(gaps, axis=1, kind="stable")[:, : max(1, len(others) // NEAR_SHARE)]
    ratios: NDArray[np.float64] = calls[:, 2] / np.median(others[nearest, 2], axis=1)
    return ratios


def calls_of(timing: Timing) -> Calls:
    """Return `[N, 3]`: when each call began and ended, and its time; of results without the end, the begin twice."""
    ended = timing.ended_seconds or timing.at_seconds
    return np.stack([np.array(column, np.float64) for column in (timing.at_seconds, ended, timing.samples_ms)], axis=1)


def timing_from_samples(
    samples_ms: Sequence[float], *, at_seconds: Sequence[float] = (), ended_seconds: Sequence[float] = ()
) -> Timing:
    """Summarise at least one time in milliseconds, and when each began and ended if that is known."""
    return Timing(
        count=len(samples_ms),
        median_ms=statistics.median(samples_ms),
        p95_ms=percentile(samples_ms, 95),
        p99_ms=percentile(samples_ms, 99),
        spread=spread(samples_ms),
        samples_ms=list(samples_ms),
        at_seconds=list(at_seconds),
        ended_seconds=list(ended_seconds),
    )
