"""Between what a ratio of two rows lies, by a bootstrap that knows that neighbouring calls are alike.

The ratios of a row's calls share their denominators, and a machine that is slow for a while is so for all calls of
that while: they are not independent, and an interval by ranks would be too narrow. So whole blocks of time are drawn,
with the calls of both rows in them, and the ratio is computed anew of each drawing: the moving-block bootstrap (Kuensch
1989, The jackknife and the bootstrap for general stationary observations), on a circle so that the ends count as much
as the middle (Politis and Romano 1992, A circular block-resampling procedure for stationary data).
"""

import numpy as np
from numpy.typing import NDArray

from bench.timing import Calls, Timing, calls_of, ratios_to_near

LEAST_CALLS = 8
"""Fewer calls of either row are too few blocks to say anything by."""
_DRAWINGS = 1000
_CONFIDENCE = 0.95
_LEAST_USABLE = 0.9


def ratio_interval(timing: Timing, baseline: Timing) -> tuple[float, float] | None:
    """Return between what `paired_ratio` of two rows lies with a confidence of about 95 %.

    The drawings are seeded: the same samples give the same interval.

    Returns:
        The 2.5 % and the 97.5 % quantile of the drawings; None where either row has fewer than `LEAST_CALLS` calls, or
        where it is not known when they began.
    """
    if min(len(timing.at_seconds), len(baseline.at_seconds)) < LEAST_CALLS:
        return None
    rows = calls_of(timing), calls_of(baseline)
    fewest = min(map(len, rows))
    blocks = round(fewest / fewest ** (1 / 3))  # a block's length grows as the cube root of the number of calls
    start = min(calls[:, 0].min() for calls in rows)
    span = max(calls[:, 1].max() for calls in rows) - start
    if span <= 0:
        return None
    rng, ratios = np.random.default_rng(0), []
    for _ in range(_DRAWINGS):
        starts = start + span * rng.random(blocks)
        drawn, drawn_baseline = (_drawn(calls, starts, span) for calls in rows)
        if len(drawn) and len(drawn_baseline):
            ratios.append(float(np.median(ratios_to_near(drawn, drawn_baseline))))
    if len(ratios) < _LEAST_USABLE * _DRAWINGS:
        return None
    low, high = np.quantile(ratios, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return float(low), float(high)


def _drawn(calls: Calls, starts: NDArray[np.float64], span: float) -> Calls:
    """Return the calls that begin in the blocks, as often as they are drawn, each at its own time.

    So a call is still compared with calls that were near it, and a drawing does not mix the speeds of distant times.

    Args:
        calls: `[N, 3]` as `calls_of` gives them.
        starts: Where each block begins, in seconds; all are `span / len(starts)` long, and go round the end.
        span: How long the run took, in seconds.
    """
    offsets = (calls[None, :, 0] - starts[:, None]) % span  # [blocks, N], seconds since the block began
    _, drawn = np.nonzero(offsets < span / len(starts))
    return calls[drawn]
