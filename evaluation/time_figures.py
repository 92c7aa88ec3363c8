"""Figures of speed, and of steadiness over a video, with intervals."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.catalogue import figure, not_measured
from onestep.evaluation.measures.bootstrap import (
    Interval,
    block_mean_interval,
    mean_interval,
    order_interval,
    percentile_interval,
    resample_counts,
)
from onestep.evaluation.measures.flicker import SLOWEST_HZ, flicker_percent
from onestep.evaluation.results import Figure
from onestep.evaluation.video_findings import VideoFindings

_BLOCK_FRAMES = 10
"""Neighbouring frames resemble each other: so many are resampled together."""


def speed_figures(latencies_ms: Sequence[float]) -> dict[str, Figure]:
    """Return percentiles of the latencies and the rate of pictures one after the other; at least one latency."""
    values = np.array(latencies_ms)
    figures = {}
    for percent in (50, 95, 99):
        name = f"latency_p{percent}_ms"
        figures[name] = figure(
            name, float(np.percentile(values, percent)), order_interval(values, percent), len(values)
        )
    interval = mean_interval(values)
    rate = (1000 / interval[1], 1000 / interval[0]) if interval else None
    return {**figures, "fps": figure("fps", float(1000 / values.mean()), rate, len(values))}


def steadiness_figures(findings: VideoFindings) -> dict[str, Figure]:
    """Return warp error and flicker of a translated video, by themselves and relative to the input's own."""
    return {
        "warp_error": _series_figure("warp_error", findings.warp_errors),
        "warp_error_ratio": _series_figure("warp_error_ratio", findings.warp_ratios),
        **_flicker_figures(findings.flicker_of_source, findings.flicker_of_output, findings.frames),
    }


def _series_figure(name: str, series: Sequence[float]) -> Figure:
    finite = np.array([value for value in series if math.isfinite(value)])
    if len(finite) == 0:
        return not_measured(name, "no two neighbouring frames show the same places")
    return figure(name, float(finite.mean()), block_mean_interval(finite, _BLOCK_FRAMES), len(finite))


def _flicker_figures(
    of_source: NDArray[np.float64] | None, of_output: NDArray[np.float64] | None, frames: int
) -> dict[str, Figure]:
    if of_source is None or of_output is None:
        reason = f"needs at least 8 frames, and {2 * SLOWEST_HZ:.0f} frames per second"
        return {name: not_measured(name, reason) for name in ("flicker", "flicker_ratio")}
    value = flicker_percent(of_output)
    figures = {"flicker": figure("flicker", value, _root_interval(of_output), frames)}
    source_value = flicker_percent(of_source)
    if source_value == 0:
        figures["flicker_ratio"] = not_measured("flicker_ratio", "the input does not change at all")
        return figures
    interval = _root_interval(of_output, of_source)
    return {**figures, "flicker_ratio": figure("flicker_ratio", value / source_value, interval, frames)}


def _root_interval(squares: NDArray[np.float64], over: NDArray[np.float64] | None = None) -> Interval:
    """Return the interval of the root of a mean over cells, or of such a root over another of the same cells."""
    counts = resample_counts(len(squares))
    below = counts @ over if over is not None else np.full(len(counts), float(len(squares)))
    return percentile_interval(np.sqrt((counts @ squares) / np.maximum(below, 1e-12)))
