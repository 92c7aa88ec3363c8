"""A graph whose convolutions compute in 8 bits, by ONNX Runtime's own tools: static quantisation in QDQ form.

Ranges come from sample frames. Activations are unsigned, weights signed with one scale per output channel, which is
what processors with VNNI or AMX multiply. The first and the last convolution stay float32, and so does every one that
the comparison with the float32 graph points at. What is not faster on the machine at hand is not kept.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from onestep.errors import ExportError, InputError, NotFasterError
from onestep.exporter.graph import DATA_SUFFIX
from onestep.exporter.samples import Frame, Sample, is_noise
from onestep.frame_size import FrameSize

INT8: Final = "int8"
CALIBRATION_FRAMES: Final = 24
GOOD_PSNR_DB: Final = 40.0
"""Against the float32 graph on the calibration frames: below this, more convolutions stay float32."""
PLAIN_CHANGE: Final = 60.0
"""Change of the mean colour, in levels of 255, that tells results from inputs: a rendered night has 147, fog 54."""
ROUNDS: Final = 3
TIMED_RUNS: Final = 15
MOST_BYTES: Final = 2**31 - 1
"""Of weights: the quantiser works on one protobuf file."""
_COMPARED_FRAMES: Final = 4
_RELEASED_SHARE: Final = 0.2


@dataclass(frozen=True)
class Int8Report:
    """What quantisation did."""

    convolutions: int
    in_float32: list[str]
    """Names of the convolutions that stay float32."""
    calibration_frames: int
    looks_translated: bool
    """Whether these frames look like what the generator makes, rather than like what it sees (`look_translated`)."""
    psnr_db: float
    """Against the float32 graph, on calibration frames. Parity is of other frames."""
    float32_ms: float
    """Median time of a frame on this machine."""
    int8_ms: float


def quantise_graph(path: Path, frames: Sequence[Frame], samples: Sequence[Sample] = ()) -> Int8Report:
    """Replace a float32 graph by one with 8-bit convolutions.

    Args:
        path: The ONNX file, with its weights beside it; replaced, and so are the weights.
        frames: Calibration frames of one size that the graph takes, `[H, W, 3] uint8`, RGB.
        samples: What the generator makes of frames as they will come, to hold the calibration frames against.

    Raises:
        InputError: There are no frames.
        ExportError: The graph has too few convolutions; NotFasterError if the new one is not faster here.
    """
    if not frames:
        raise InputError("Calibration needs at least one frame. Name a folder with pictures, or leave it out.")
    with TemporaryDirectory(prefix="onestep-int8-") as temporary:
        prepared = _prepared(path, Path(temporary))
        convolutions = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
        if len(convolutions) < 3:
            raise ExportError(
                f"The graph has {len(convolutions)} convolutions, too few to compute in 8 bits. Use fp32."
            )
        kept = [convolutions[0], convolutions[-1]]
        quantised = Path(temporary) / "int8.onnx"
        for attempt in range(ROUNDS):
            _quantise(prepared, quantised, frames, kept)
            psnr = _psnr_db(prepared, quantised, frames[:_COMPARED_FRAMES])
            if psnr >= GOOD_PSNR_DB or attempt == ROUNDS - 1:
                break
            kept += _worst(prepared, quantised, frames[0], [name for name in convolutions if name not in kept])
        float_ms, int8_ms = _median_ms([prepared, quantised], frames[0])
        if int8_ms >= float_ms:
            raise NotFasterError(
                f"The int8 graph is not faster on this machine: {int8_ms:.1f} ms a frame, float32 takes "
                f"{float_ms:.1f} ms (medians of {TIMED_RUNS}, in turn). Nothing was written. Export with "
                "--precision fp32."
            )
        _replace(path, onnx.load(quantised))
    return Int8Report(len(convolutions), kept, len(frames), look_translated(frames, samples), psnr, float_ms, int8_ms)


def look_translated(frames: Sequence[Frame], samples: Sequence[Sample]) -> bool:
    """Tell whether frames look like what a generator makes, rather than like what it sees, by their mean colour.

    False where the generator changes the mean colour by less than `PLAIN_CHANGE`: then nothing can be told.
    """
    scenes = [sample for index, sample in enumerate(samples) if not is_noise(index)]
    if not scenes:
        return False
    given = _mean_colour(frames)
    seen, made = _mean_colour([sample.frame for sample in scenes]), _mean_colour([sample.exact for sample in scenes])
    to_seen, to_made, change = (float(np.linalg.norm(a - b)) for a, b in ((given, seen), (given, made), (seen, made)))
    return change >= PLAIN_CHANGE and to_made < to_seen / 2.0


def _mean_colour(frames: Sequence[Frame]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = np.mean([frame.mean(axis=(0, 1)) for frame in frames], axis=0)
    return means


def calibration_frames(folder: Path | None, size: FrameSize, *, condition: str) -> list[Frame]:
    """Give frames to calibrate on: pictures of a folder scaled to a size, or rendered scenes without one.

    Args:
        folder: Pictures like those to come, or None.
        size: What they are scaled to.
        condition: Of the rendered scenes, see `onestep.scenes.CONDITIONS`: what the network will see.

    Raises:
        InputError: The folder holds no picture, or one cannot be read.
    """
    from onestep.runtime.pictures import find_pictures, read_picture
    from onestep.runtime.scaling import RgbScaler
    from onestep.scenes import Scene

    if folder is None:
        return [Scene.random(5000 + i).at(0.7 * i, size=size).render(condition) for i in range(CALIBRATION_FRAMES)]
    if not folder.is_dir():
        raise InputError(f"--calibration {folder} is not a folder. Name a folder with pictures like those to come.")
    scaler, frames = RgbScaler(), []
    for picture in _spread(find_pictures(folder)):
        frame = np.empty((size.height, size.width, 3), np.uint8)
        scaler.into(read_picture(picture), frame)
        frames.append(frame)
    return frames


def _spread(pictures: list[Path]) -> list[Path]:
    """Take as many as are needed, evenly spread over a sorted list."""
    places = np.unique(np.linspace(0, len(pictures) - 1, CALIBRATION_FRAMES).round().astype(int))
    return [pictures[place] for place in places]


class _Frames:
    """Hands the frames to ONNX Runtime's calibration, as its `CalibrationDataReader` does."""

    def __init__(self, name: str, frames: Sequence[Frame]) -> None:
        self._feeds = iter([{name: frame[None]} for frame in frames])

    def get_next(self) -> dict[str, Frame] | None:
        return next(self._feeds, None)


def _prepared(path: Path, folder: Path) -> Path:
    """Write the graph as one file, with shapes inferred and constants folded."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    whole, prepared = folder / "float32.onnx", folder / "prepared.onnx"
    onnx.save(onnx.load(path), whole)
    quant_pre_process(str(whole), str(prepared), skip_symbolic_shape=True)
    return prepared


def _quantise(source: Path, target: Path, frames: Sequence[Frame], kept: list[str]) -> None:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    name = onnx.load(source, load_external_data=False).graph.input[0].name
    quantize_static(
        str(source),
        str(target),
        _Frames(name, frames),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=kept,
        calibrate_method=CalibrationMethod.MinMax,
    )


def _worst(source: Path, quantised: Path, frame: Frame, candidates: list[str]) -> list[str]:
    """Return the share of the convolutions whose own outputs differ most, relative to their size."""
    outputs = {node.name: node.output[0] for node in onnx.load(source).graph.node if node.name in candidates}
    exact, rough = (_intermediate(path, list(outputs.values()), frame) for path in (source, quantised))
    errors = {name: _relative_error(exact[output], rough[output]) for name, output in outputs.items()}
    count = max(1, round(_RELEASED_SHARE * len(candidates)))
    return sorted(errors, key=lambda name: errors[name], reverse=True)[:count]


def _intermediate(path: Path, names: list[str], frame: Frame) -> dict[str, Any]:
    model = onnx.load(path)
    known = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    session = _session(model.SerializeToString())
    values = session.run(names, {session.get_inputs()[0].name: frame[None]})
    return dict(zip(names, values, strict=True))


def _relative_error(exact: Any, rough: Any) -> float:
    return float(np.square(rough - exact).mean() / (np.square(exact).mean() + 1e-12))


def _psnr_db(source: Path, quantised: Path, frames: Sequence[Frame]) -> float:
    exact, rough = _session(str(source)), _session(str(quantised))
    name = exact.get_inputs()[0].name
    pairs = [(exact.run(None, {name: f[None]})[0], rough.run(None, {name: f[None]})[0]) for f in frames]
    square = float(np.mean([np.square(a.astype(np.float32) - b.astype(np.float32)).mean() for a, b in pairs]))
    return float(10.0 * np.log10(255.0**2 / max(square, 1e-9)))


def _median_ms(graphs: Sequence[Path], frame: Frame) -> list[float]:
    """Time graphs in turn, so that what else runs on the machine disturbs both alike."""
    sessions = [_session(str(path)) for path in graphs]
    times: list[list[float]] = [[] for _ in sessions]
    for _ in range(TIMED_RUNS + 2):
        for session, of_session in zip(sessions, times, strict=True):
            start = time.perf_counter()
            session.run(None, {session.get_inputs()[0].name: frame[None]})
            of_session.append(1e3 * (time.perf_counter() - start))
    return [float(np.median(of_session[2:])) for of_session in times]


def _session(model: str | bytes) -> Any:
    import onnxruntime

    from onestep.runtime.backends.onnxruntime_graph import processor_options

    options = processor_options(onnxruntime)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _replace(path: Path, model: onnx.ModelProto) -> None:
    weights = path.with_name(path.name + DATA_SUFFIX)
    weights.unlink(missing_ok=True)
    onnx.save_model(
        model, str(path), save_as_external_data=True, location=weights.name, size_threshold=256, convert_attribute=False
    )
    onnx.checker.check_model(str(path))
