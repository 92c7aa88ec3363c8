"""The proof that a graph computes what the generator computes, in numbers that a user can read.

Three links of a chain are compared on the same frames: the generator in float32, the generator in the graph's
precision, and the graph on ONNX Runtime.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onestep.errors import ParityError, require
from onestep.exporter.samples import Frame, Sample
from onestep.frame_size import FrameSize

RunGraph = Callable[[Sample], Frame]


@dataclass(frozen=True)
class Limits:
    """What a graph of a precision must keep against the generator in float32."""

    level: int
    """A byte may differ by this many levels of 255."""
    share_over_level: float
    """Share of bytes that may differ by more."""
    psnr_db: float
    """Smallest peak signal-to-noise ratio over all frames."""


LIMITS = {
    # The same numbers in another order of summation: a value on the edge between two bytes may go either way.
    "fp32": Limits(level=1, share_over_level=0.0, psnr_db=60.0),
    # Half precision has 11 bits of mantissa, and the step amplifies the noise's error. A network with random weights,
    # which nothing has taught to be smooth, was measured at 52 dB with 0.014 % of the bytes off by more than 6.
    "fp16": Limits(level=6, share_over_level=1e-3, psnr_db=45.0),
    # 8 bits round each activation to 256 steps of its range. The random bytes among the samples are outside of the
    # ranges that pictures give, so this is far from what pictures show: 45 dB and more.
    "int8": Limits(level=16, share_over_level=0.05, psnr_db=30.0),
}


@dataclass(frozen=True)
class Figures:
    """Difference of two links over all frames."""

    max_abs: int
    share_over_1: float
    """Share of bytes that differ by more than 1 level."""
    share_over_3: float
    share_over_level: float
    """Share of bytes that differ by more than the level of the precision's limits."""
    psnr_db: float
    """Over all frames together; infinite when they are equal."""
    nan_count: int
    """Values of the first link that were not finite before they became bytes."""


@dataclass(frozen=True)
class ParityReport:
    """All comparisons of one export."""

    frame_count: int
    frame_size: FrameSize
    precision: str
    limits: Limits
    torch_to_float32: Figures | None
    """The generator in the graph's precision against float32; None where that is the same."""
    graph_to_torch: Figures
    """The graph against the generator in the same precision."""
    graph_to_float32: Figures
    """The graph against the generator in float32: what the limits judge."""

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values; an infinite ratio is null."""
        plain: dict[str, Any] = _finite(dataclasses.asdict(self))
        return plain


class _Tally:
    """Adds up the differences of two links, frame by frame."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.max_abs = self.over_1 = self.over_3 = self.over_level = self.values = self.nan_count = 0
        self.squares = 0.0

    def add(self, ours: Frame, theirs: Frame) -> None:
        difference = np.abs(ours.astype(np.int16) - theirs.astype(np.int16))
        self.max_abs = max(self.max_abs, int(difference.max()))
        self.over_1 += int((difference > 1).sum())
        self.over_3 += int((difference > 3).sum())
        self.over_level += int((difference > self.level).sum())
        self.squares += float(np.square(difference, dtype=np.int64).sum())
        self.values += difference.size

    def figures(self) -> Figures:
        mean_square = self.squares / self.values
        psnr = math.inf if mean_square == 0 else 10 * math.log10(255.0**2 / mean_square)
        over_1, over_3, over_level = (over / self.values for over in (self.over_1, self.over_3, self.over_level))
        return Figures(self.max_abs, over_1, over_3, over_level, psnr, self.nan_count)


def check_parity(samples: Sequence[Sample], *, graph_path: Path, precision: str) -> ParityReport:
    """Compare float32, the converted module and the graph on the same frames.

    Args:
        samples: Frames of one size with what the modules made of them, at least one.
        graph_path: The ONNX file.
        precision: A key of `LIMITS`.

    Returns:
        The report, which may hold figures over the limits: `enforce` judges it.
    """
    run_graph = _graph_runner(graph_path)
    to_float32, to_torch, graph_to_float32 = (_Tally(LIMITS[precision].level) for _ in range(3))
    for sample in samples:
        result = run_graph(sample)
        to_float32.add(sample.converted, sample.exact)
        to_torch.add(result, sample.converted)
        for tally in (to_float32, to_torch):
            tally.nan_count += sample.nan_count
        graph_to_float32.add(result, sample.exact)
    height, width, _ = samples[0].frame.shape
    return ParityReport(
        frame_count=len(samples),
        frame_size=FrameSize(width, height),
        precision=precision,
        limits=LIMITS[precision],
        torch_to_float32=to_float32.figures() if precision not in ("fp32", "int8") else None,
        graph_to_torch=to_torch.figures(),
        graph_to_float32=graph_to_float32.figures(),
    )


def enforce(report: ParityReport) -> None:
    """Raise ParityError if the graph is further from float32 than its precision's limits allow."""
    got, limits = report.graph_to_float32, report.limits
    nan_count = report.graph_to_torch.nan_count
    near_enough = got.share_over_level <= limits.share_over_level and got.psnr_db >= limits.psnr_db
    if near_enough and nan_count == 0:
        return
    advice = {
        "fp32": "Its weights are damaged or too large." if nan_count else "Please report it with the generator.",
        "int8": "Calibrate it with pictures like those to come, or export it with --precision fp32.",
    }.get(report.precision, "Export it with --precision fp32.")
    raise ParityError(
        f"The {report.precision} graph is not what the generator computes: {got.share_over_level:.2%} of the bytes are "
        f"off by more than {limits.level} levels (limit {limits.share_over_level:.2%}; largest difference "
        f"{got.max_abs}), PSNR {got.psnr_db:.1f} dB (limit {limits.psnr_db:.0f}), {nan_count} values not finite, over "
        f"{report.frame_count} frames of {report.frame_size}. Nothing was written. {advice}"
    )


def _graph_runner(path: Path) -> RunGraph:
    runtime = require("onnxruntime", extra="cpu", purpose="prove that the graph computes what the generator computes")
    from onestep.runtime.backends.onnxruntime_graph import processor_options

    options = processor_options(runtime)
    options.enable_cpu_mem_arena = False  # a large network runs once here: memory matters, not time
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(sample: Sample) -> Frame:
        values = (sample.frame[None], *(value.numpy() for value in sample.extra))
        result: Frame = session.run(None, dict(zip(names, values, strict=True)))[0][0]
        return result

    return run


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
