"""From what was kept of the rows to figures with intervals."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.catalogue import MEASURES, figure, not_measured
from onestep.evaluation.domain_sample import DomainSample
from onestep.evaluation.instruments import Instruments
from onestep.evaluation.measures.bootstrap import mean_interval, percentile_interval, resample_counts
from onestep.evaluation.measures.colour import histogram_distance
from onestep.evaluation.measures.copying import change_ratio, nearest_training
from onestep.evaluation.measures.distribution import frechet_distance, frechet_interval, kid, kid_interval
from onestep.evaluation.networks.names import frechet_name, kid_name
from onestep.evaluation.results import Figure
from onestep.evaluation.rows import RowRecord

_TRUTH = ("psnr", "ssim", "ciede2000", "st_lpips", "lpips", "dists")
_TIME = ("warp_error", "warp_error_ratio", "flicker", "flicker_ratio")
_SPEED = ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "fps")


@dataclass(frozen=True)
class Context:
    """What the rows are held against."""

    instruments: Instruments
    source: RowRecord
    """The copied input, whose features are those of the inputs."""
    domain: DomainSample | None
    training: tuple[list[Path], NDArray[np.float32]] | None
    """Training pictures and their features on the main network."""


def per_picture_values(record: RowRecord, context: Context) -> dict[str, list[float]]:
    """Return what each picture of a row has by itself, by figure; NaN where one has none."""
    names = {name: None for values in record.values for name in values}
    measured = {name: [values.get(name, math.nan) for values in record.values] for name in names}
    features = np.stack(record.features[context.instruments.main_net])
    if context.domain is not None:
        of_source = np.stack(context.source.features[context.instruments.main_net])
        of_domain = context.domain.features[context.instruments.main_net]
        measured["change_ratio"] = change_ratio(of_source, features, of_domain).tolist()
    if context.training is not None:
        measured["nearest_training"] = nearest_training(features, context.training[1])[0].tolist()
    return measured


def mean_figures(values: Mapping[str, list[float]]) -> dict[str, Figure]:
    """Return the mean of each figure over the pictures that have it."""
    figures = {}
    for name, of_pictures in values.items():
        finite = np.array([value for value in of_pictures if math.isfinite(value)])
        if len(finite) == 0:
            figures[name] = not_measured(name, "no input has anything that this measures")
        else:
            figures[name] = figure(name, float(finite.mean()), mean_interval(finite), len(finite))
    return figures


def domain_figures(
    features: Mapping[str, NDArray[np.float32]], histograms: NDArray[np.float64], domain: DomainSample
) -> dict[str, Figure]:
    """Return the distances of a set of pictures to a sample of the domain.

    Args:
        features: [n, D] by network.
        histograms: [n, 3, BINS].
        domain: The sample.
    """
    figures = {"colour_distance": _colour_figure(histograms, domain.histograms)}
    for net, of_set in features.items():
        of_domain = domain.features[net]
        count = min(len(of_set), len(of_domain))
        if count < 2:
            reason = (
                f"a distance of distributions needs 2 pictures on each side, got {len(of_set)} and {len(of_domain)}"
            )
            figures |= {name: not_measured(name, reason) for name in (kid_name(net), frechet_name(net))}
            continue
        distances = (kid(of_set, of_domain), frechet_distance(of_set, of_domain))
        intervals = (kid_interval(of_set, of_domain), frechet_interval(of_set, of_domain))
        for name, value, interval in zip((kid_name(net), frechet_name(net)), distances, intervals, strict=True):
            figures[name] = figure(name, value, interval, count)
    return figures


def unmeasured_figures(measured: Mapping[str, Figure], context: Context) -> dict[str, Figure]:
    """Return every other figure of the catalogue, with the reason why a translator's row has none."""
    return {name: not_measured(name, _why_not(name, context)) for name in MEASURES if name not in measured}


def _colour_figure(histograms: NDArray[np.float64], of_domain: NDArray[np.float64]) -> Figure:
    value = float(histogram_distance(histograms.mean(axis=0), of_domain.mean(axis=0)))
    interval = None
    if min(len(histograms), len(of_domain)) > 1:
        drawn, drawn_domain = (
            np.tensordot(resample_counts(len(part), stream=stream) / len(part), part, axes=1)
            for stream, part in ((1, histograms), (2, of_domain))
        )
        interval = percentile_interval(histogram_distance(drawn, drawn_domain))
    return figure("colour_distance", value, interval, min(len(histograms), len(of_domain)))


def _why_not(name: str, context: Context) -> str:
    if name in context.instruments.missing:
        return context.instruments.missing[name]
    if name in _TRUTH:
        return "needs the same moments as they should come out: --truth DIR"
    if name in _TIME:
        return "needs a video as --inputs"
    if name in _SPEED:
        return "the results were made elsewhere (--outputs)"
    return "needs --training-data DIR" if name == "nearest_training" else "needs pictures of the domain: --targets DIR"
