"""Statistics, shares of the budget and turns, against hand computation."""

import math

import pytest
from bench.schedule import interleaved, repeats_within, set_ups_within, shares, steps_within, turns_within
from bench.timing import paired_ratio, paired_ratios, percentile, timing_from_samples


def test_percentiles_are_of_the_nearest_rank() -> None:
    samples = [float(number) for number in range(1, 201)]
    assert (percentile(samples, 95), percentile(samples, 99), percentile(samples, 100)) == (190.0, 198.0, 200.0)
    assert percentile([3.0, 1.0, 2.0], 95) == 3.0
    assert percentile([7.0], 1) == 7.0


def test_timing_by_hand() -> None:
    timing = timing_from_samples([8.0, 10.0, 12.0, 30.0])
    assert (timing.count, timing.median_ms, timing.p95_ms, timing.p99_ms) == (4, 11.0, 30.0, 30.0)
    assert math.isclose(timing.spread, (12.0 - 8.0) / 11.0)
    assert timing.samples_ms == [8.0, 10.0, 12.0, 30.0]


def test_an_outlier_moves_the_tail_and_not_the_median() -> None:
    timing = timing_from_samples([*([10.0] * 97), 500.0, 500.0, 500.0])
    assert (timing.median_ms, timing.p95_ms, timing.p99_ms, timing.spread) == (10.0, 10.0, 500.0, 0.0)


def test_each_call_is_compared_with_the_other_rows_calls_around_it() -> None:
    fast = timing_from_samples([10.0] * 10 + [30.0] * 5, at_seconds=[*range(10), *range(20, 25)])
    slow = timing_from_samples([20.0, 60.0], at_seconds=[9.5, 21.5])
    assert paired_ratio(slow, fast) == 2.0, "the machine was slow at the end, for both"
    assert paired_ratio(timing_from_samples([20.0, 60.0]), fast) == 4.0, "of medians, where no times are known"


def test_what_is_near_is_counted_from_where_a_call_ended_and_not_from_its_time() -> None:
    """A sample may hold steps that were not run, or be one frame's share of a batch."""
    before, after = [0.0, 0.2, 0.4, 0.6, 0.8], [12.1 + 0.2 * place for place in range(10)]
    quick = timing_from_samples([10.0] * 5 + [30.0] * 10, at_seconds=before + after)
    long = timing_from_samples([10_000.0], at_seconds=[2.0], ended_seconds=[12.0])
    assert paired_ratio(long, quick) == 10_000.0 / 30.0, "the calls right after it are nearer than those before"
    extrapolated = timing_from_samples([10_000.0], at_seconds=[2.0], ended_seconds=[3.0])
    assert paired_ratio(extrapolated, quick) == 10_000.0 / 10.0


def test_of_few_calls_a_third_is_near() -> None:
    few = timing_from_samples([10.0, 20.0, 30.0], at_seconds=[0.0, 10.0, 20.0])
    assert paired_ratio(timing_from_samples([60.0], at_seconds=[19.0]), few) == 2.0


def test_one_disturbed_call_of_the_other_row_does_not_matter() -> None:
    disturbed = timing_from_samples([10.0] * 7 + [900.0] + [10.0] * 7, at_seconds=range(15))
    assert paired_ratio(timing_from_samples([20.0], at_seconds=[7.0]), disturbed) == 2.0


def test_every_call_has_its_own_ratio() -> None:
    fast = timing_from_samples([10.0] * 3 + [30.0] * 3, at_seconds=[0, 1, 2, 10, 11, 12])
    slow = timing_from_samples([20.0, 90.0], at_seconds=[0.5, 11.5])
    assert paired_ratios(slow, fast) == [2.0, 3.0]


def test_who_wants_little_gets_it_and_the_rest_is_divided() -> None:
    assert shares(100.0, {"a": 10.0, "b": 500.0, "c": 60.0}) == {"a": 10.0, "c": 45.0, "b": 45.0}
    assert shares(100.0, {"a": 10.0, "b": 20.0}) == {"a": 10.0, "b": 20.0}


@pytest.mark.parametrize(
    ("share", "steps", "most", "expected"),
    [(400.0, 50, None, 50), (200.0, 50, None, 25), (1.0, 50, None, 2), (400.0, 50, 10, 10), (1.0, 1, 10, 1)],
)
def test_steps_are_what_fits(share: float, steps: int, most: int | None, expected: int) -> None:
    assert steps_within(share, steps=steps, call_seconds=100.0, calls=4, most=most) == expected


def test_a_row_without_a_unet_has_no_steps_to_leave_out() -> None:
    assert steps_within(1.0, steps=0, call_seconds=100.0, calls=4) == 0


def test_time_is_kept_for_the_set_ups_that_fit() -> None:
    assert set_ups_within(100.0, [60.0, 0.0, 10.0]) == 70.0
    assert set_ups_within(80.0, [60.0, 0.0, 10.0]) == 10.0, "all of 70 s would leave less than a quarter"
    assert set_ups_within(-5.0, [60.0]) == set_ups_within(100.0, []) == 0.0


def test_slow_rows_get_few_repeats_and_never_fewer_than_five() -> None:
    assert repeats_within(100.0, {"fast": 0.1, "slow": 10.0, "slower": 40.0}, most=30) == {
        "fast": 30,
        "slow": 5,
        "slower": 5,
    }
    assert repeats_within(0.0, {"slow": 10.0}, most=2) == {"slow": 2}


def test_rows_take_turns() -> None:
    turns = list(interleaved({"often": 6, "seldom": 2, "middle": 3}))
    assert {name: turns.count(name) for name in set(turns)} == {"often": 6, "seldom": 2, "middle": 3}
    assert [place for place, name in enumerate(turns) if name == "seldom"] == [2, 8]
    assert list(interleaved({})) == []


def test_the_row_that_all_are_compared_with_has_turns_beside_each() -> None:
    """As many as the others together, unless that is more than was asked for or a third of the time."""
    calls = {"graph": 0.1, "slow": 10.0, "slower": 40.0}
    assert turns_within(60.0, calls, reference="graph", most=4) == {"graph": 4, "slow": 4, "slower": 4}
    assert turns_within(60.0, calls | {"graph": 3.0}, reference="graph", most=30)["graph"] == 6
    assert turns_within(60.0, calls | {"graph": 30.0}, reference="graph", most=30)["graph"] == 5
    assert turns_within(60.0, calls, reference=None, most=30) == repeats_within(60.0, calls, most=30)


def test_the_others_get_what_the_reference_leaves() -> None:
    calls = {"graph": 10.0, "eager": 10.0}
    assert turns_within(200.0, calls, reference="graph", most=30) == {"graph": 10, "eager": 10}
    many = turns_within(300.0, {"graph": 1.0, "a": 10.0, "b": 10.0}, reference="graph", most=100)
    assert many == {"graph": 100, "a": 10, "b": 10}
