"""Statistics of measured times."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

FEW_SAMPLES = 5
"""With fewer samples than this a row is marked: its p95 and p99 are its slowest call."""
NEAR_SHARE = 3
"""A call is compared with the third of another row's calls that is nearest in time."""
_CONFIDENCE = 0.95


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
    return [ms / _near(baseline, *span) for span, ms in zip(_spans(timing), timing.samples_ms, strict=True)]


def median_interval(samples: Sequence[float]) -> tuple[float, float]:
    """Return two of the samples between which the median of all possible ones lies with a confidence of 95 %.

    By ranks, whatever the distribution (Conover, Practical Nonparametric Statistics, 3.2): the number of samples below
    the median is binomial with probability 1/2. Fewer than six samples cannot give that confidence; the smallest and
    the largest are returned.

    Args:
        samples: At least one, in any order.
    """
    ordered, count = sorted(samples), len(samples)
    left_out, ways, most_ways = 0, 1, (1 - _CONFIDENCE) / 2 * 2**count
    while ways + math.comb(count, left_out + 1) <= most_ways:
        left_out += 1
        ways += math.comb(count, left_out)
    return ordered[left_out], ordered[-1 - left_out]


def _near(baseline: Timing, begin: float, end: float) -> float:
    """Return the median time of a row's calls that are nearest to a span."""

    def gap(call: tuple[tuple[float, float], float]) -> float:
        (began, ended), _ = call
        return max(began - end, begin - ended, 0.0)

    calls = sorted(zip(_spans(baseline), baseline.samples_ms, strict=True), key=gap)
    return statistics.median(ms for _, ms in calls[: max(1, len(calls) // NEAR_SHARE)])


def _spans(timing: Timing) -> list[tuple[float, float]]:
    """Return begin and end of each call; of results that do not hold the end, the begin twice."""
    return list(zip(timing.at_seconds, timing.ended_seconds or timing.at_seconds, strict=True))


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
