"""The latency histogram against exact percentiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestep.runtime.latency import LatencyHistogram


@given(
    st.lists(st.floats(0.02, 1e5), min_size=1, max_size=200),
    st.sampled_from([1.0, 50.0, 95.0, 99.0, 100.0]),
)
def test_percentiles_are_within_one_per_cent(latencies: list[float], percent: float) -> None:
    histogram = LatencyHistogram()
    for latency in latencies:
        histogram.add(latency)
    exact = float(np.percentile(latencies, percent, method="inverted_cdf"))
    assert histogram.percentile(percent) == pytest.approx(exact, rel=0.011)
    assert histogram.count == len(latencies)


def test_empty_histogram_reads_zero() -> None:
    assert LatencyHistogram().percentile(50) == 0.0


def test_extreme_latencies_fall_into_the_outer_bins() -> None:
    histogram = LatencyHistogram()
    for latency in (0.0, 1e-9, 1e12):
        histogram.add(latency)
    assert histogram.percentile(1) < 0.011
    assert histogram.percentile(100) <= 1e12
