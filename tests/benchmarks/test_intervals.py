"""The interval of a ratio: what it covers, and when there is none."""

import numpy as np
import pytest
from bench.intervals import LEAST_CALLS, ratio_interval
from bench.timing import Timing, paired_ratio, timing_from_samples

SECONDS = 60.0


def drifting(rng: np.random.Generator, *, ratio: float, calls: int, drift: float) -> tuple[Timing, Timing]:
    """Return a row and its baseline on a machine whose speed wanders slowly, alike for both."""
    phase, noise = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.01, (2, calls))

    def timing(place: int, factor: float) -> Timing:
        at = np.linspace(0, SECONDS, calls) + 0.1 * place
        slow = 1 + drift * np.sin(at / 5 + phase)
        return timing_from_samples(list(10 * factor * slow * (1 + noise[place])), at_seconds=list(at))

    return timing(1, ratio), timing(0, 1.0)


def test_it_holds_the_ratio_and_is_the_same_every_time() -> None:
    row, baseline = drifting(np.random.default_rng(0), ratio=3.0, calls=30, drift=0.2)
    interval = ratio_interval(row, baseline)
    assert interval is not None
    assert interval[0] <= paired_ratio(row, baseline) <= interval[1]
    assert 2.8 < interval[0] < interval[1] < 3.2
    assert ratio_interval(row, baseline) == interval


def test_equal_calls_have_an_interval_of_no_width() -> None:
    row = timing_from_samples([20.0] * 10, at_seconds=range(10))
    baseline = timing_from_samples([10.0] * 10, at_seconds=range(10))
    assert ratio_interval(row, baseline) == (2.0, 2.0)


def test_it_covers_the_true_ratio_nearly_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(12):
        interval = ratio_interval(*drifting(rng, ratio=2.0, calls=20, drift=0.1))
        assert interval is not None
        held += interval[0] <= 2.0 <= interval[1]
    assert held >= 9


@pytest.mark.parametrize("count", [1, LEAST_CALLS - 1])
def test_few_calls_have_none(count: int) -> None:
    few = timing_from_samples([10.0] * count, at_seconds=range(count))
    many = timing_from_samples([10.0] * 20, at_seconds=range(20))
    assert ratio_interval(few, many) is None and ratio_interval(many, few) is None


def test_calls_of_unknown_time_have_none() -> None:
    row = timing_from_samples([10.0] * 20)
    assert ratio_interval(row, row) is None


def test_a_thousand_calls_and_more() -> None:
    row = timing_from_samples([10.0] * 1100, at_seconds=range(1100))
    assert ratio_interval(row, timing_from_samples([5.0] * 8, at_seconds=range(0, 800, 100))) == (2.0, 2.0)
