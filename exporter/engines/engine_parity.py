"""The gate between an engine and its graph: the same frames through both, under the limits of an export's proof."""

from collections.abc import Callable
from pathlib import Path

from onestep.errors import ParityError
from onestep.exporter.parity import ParityReport, check_parity
from onestep.exporter.samples import Frame, Sample, sample_frames
from onestep.frame_size import FrameSize

RunFrame = Callable[[Frame], Frame]
"""An engine: `[H, W, 3] uint8` RGB in, the same out, a new array."""


def engine_parity(run: RunFrame, *, graph_path: Path, precision: str, size: FrameSize, count: int) -> ParityReport:
    """Compare an engine with its graph on ONNX Runtime.

    Args:
        run: The engine.
        graph_path: The ONNX file that it computes.
        precision: Of the graph; chooses the limits.
        size: Frame size in pixels.
        count: Number of sample frames.

    Returns:
        The report; its figures from graph to "torch" and to "float32" are both those from graph to engine.
    """
    frames = list(sample_frames(size, count))
    results = [run(frame) for frame in frames]
    samples = [
        Sample(frame, extra=[], exact=result, converted=result) for frame, result in zip(frames, results, strict=True)
    ]
    return check_parity(samples, graph_path=graph_path, precision=precision)


def enforce_engine_parity(report: ParityReport, *, name: str) -> None:
    """Raise ParityError if an engine is further from its graph than the graph's precision allows.

    Args:
        report: From `engine_parity`.
        name: Of the engine, for the message.
    """
    got, limits = report.graph_to_float32, report.limits
    if got.share_over_level <= limits.share_over_level and got.psnr_db >= limits.psnr_db:
        return
    raise ParityError(
        f"The engine {name} does not compute what its graph computes: {got.share_over_level:.2%} of the bytes are off "
        f"by more than {limits.level} levels (limit {limits.share_over_level:.2%}; largest difference {got.max_abs}), "
        f"PSNR {got.psnr_db:.1f} dB (limit {limits.psnr_db:.0f}), over {report.frame_count} frames of "
        f"{report.frame_size}. "
        "Build a new engine with `onestep build`."
    )
