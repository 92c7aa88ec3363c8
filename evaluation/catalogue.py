"""Every figure that an evaluation can have: its name, unit, direction and definition. KPI files use these names."""

from dataclasses import dataclass
from typing import Final

from onestep.evaluation.networks.names import FEATURE_NETS, INCEPTION, PACKAGED, frechet_name, kid_name
from onestep.evaluation.results import Better, Figure


@dataclass(frozen=True)
class Measure:
    """What a figure means."""

    name: str
    unit: str
    better: Better
    definition: str
    """One sentence."""


_NET_TITLES: Final = dict(
    zip(PACKAGED, ("EfficientNet-Lite0", "VGG16 of ST-LPIPS", "AlexNet of ST-LPIPS"), strict=True)
)


def _distances() -> list[Measure]:
    """Return the two distances of distributions on each feature network."""
    measures = []
    for net in FEATURE_NETS:
        on = "the Inception network of FID" if net == INCEPTION else _NET_TITLES[net]
        kid = f"Kernel distance (unbiased squared MMD, cubic kernel) of outputs and domain pictures on {on}."
        frechet = f"Frechet distance of outputs and domain pictures on {on}; biased upwards for few pictures."
        measures += [Measure(kid_name(net), "", "lower", kid), Measure(frechet_name(net), "", "lower", frechet)]
    return measures


_ALL: Final = [
    # structure: the input against its output
    Measure(
        "edges_kept", "", "higher", "Share of the input's strongest edges that the output has too; not brightness."
    ),
    Measure(
        "structure_ssim", "", "higher", "SSIM of the luminances after local brightness and contrast are taken out."
    ),
    Measure(
        "keypoints_kept", "", "higher", "Share of the input's ORB keypoints that the output has at the same place."
    ),
    Measure("dino_structure", "", "lower", "Mean squared difference of the self-similarities of a ViT's last keys."),
    # perception
    Measure("st_lpips_to_input", "", "neither", "ST-LPIPS of input and output: how much a viewer sees that changed."),
    Measure("lpips_to_input", "", "neither", "LPIPS of input and output: how much a viewer sees that changed."),
    Measure("dists_to_input", "", "neither", "DISTS of input and output: how much a viewer sees that changed."),
    # truth: the output against the same moment as it should look
    Measure("psnr", "dB", "higher", "Peak signal-to-noise ratio of output and truth."),
    Measure("ssim", "", "higher", "SSIM of output and truth, mean of the channels, Gaussian window."),
    Measure("ciede2000", "ΔE", "lower", "Mean CIEDE2000 colour difference of output and truth."),
    Measure("st_lpips", "", "lower", "ST-LPIPS of output and truth."),
    Measure("lpips", "", "lower", "LPIPS of output and truth."),
    Measure("dists", "", "lower", "DISTS of output and truth."),
    # the domain reached: the set of outputs against a set of real pictures
    *_distances(),
    Measure("colour_distance", "ΔLab", "lower", "Wasserstein distance of the Lab histograms of outputs and domain."),
    # copying and memorising
    Measure(
        "change_ratio", "", "neither", "Feature distance of output and input over that of domain and input; 0 copies."
    ),
    Measure("nearest_training", "", "higher", "Mean cosine distance of an output to the nearest training picture."),
    # time
    Measure(
        "warp_error", "levels", "lower", "Difference of neighbouring output frames along the input's optical flow."
    ),
    Measure("warp_error_ratio", "", "lower", "Warp error over contrast, of the output relative to the input's own."),
    Measure("flicker", "%", "lower", "Changes of local brightness at 3 Hz and faster, of the mean luminance."),
    Measure("flicker_ratio", "", "lower", "Flicker of the output relative to the input's own."),
    # speed
    Measure("latency_p50_ms", "ms", "lower", "Median time of one picture through the session, resizing included."),
    Measure("latency_p95_ms", "ms", "lower", "95th percentile of the time of one picture through the session."),
    Measure("latency_p99_ms", "ms", "lower", "99th percentile of the time of one picture through the session."),
    Measure("fps", "1/s", "higher", "Pictures per second through the session, one after the other."),
]

MEASURES: Final[dict[str, Measure]] = {measure.name: measure for measure in _ALL}


def figure(name: str, value: float, interval: tuple[float, float] | None, count: int) -> Figure:
    """Return a measured figure.

    Args:
        name: In `MEASURES`.
        value: Finite.
        interval: Low and high; None where there can be none.
        count: Pictures, pairs or frames behind it.
    """
    measure = MEASURES[name]
    low, high = interval or (None, None)
    reason = "" if interval else "too few pictures for an interval"
    return Figure(name, measure.unit, measure.better, value, low, high, count, reason, measure.definition)


def not_measured(name: str, reason: str) -> Figure:
    """Return a figure that this run could not measure."""
    measure = MEASURES[name]
    return Figure(name, measure.unit, measure.better, None, None, None, 0, reason, measure.definition)
