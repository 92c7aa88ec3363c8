"""Small real bundles for tests: a graph of a few nodes, its manifest, and engines and frames to go with them."""

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from onestep.bundle import FrameSizes, Licences, Manifest, TensorSpec, write_manifest
from onestep.bundle.folder import file_record
from onestep.frame_size import FrameSize

Kind = Literal["invert", "copy", "heavy"]
OPSET = 21
SMALL = FrameSize(64, 32)


def make_bundle(
    folder: Path,
    *,
    kind: Kind = "invert",
    size: FrameSize = SMALL,
    free: bool = False,
    multiple: int = 32,
    external: bool = False,
    promise: dict[str, Any] | None = None,
) -> Path:
    """Write a bundle and return its folder.

    Args:
        folder: Made, with its parents.
        kind: What the graph computes: 255 - x, x itself, or x after convolutions that take 130 processor ms at 512x288.
        size: The graph's size; the preferred one where `free`.
        free: Height and width are free dimensions named `H` and `W`.
        multiple: Of the frame sizes.
        external: Keep the constant in a file of its own.
        promise: Fields of the manifest to change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _save(_graph(kind, ["H", "W"] if free else [size.height, size.width]), folder, external=external)
    shape: list[int | str] = [1, "H", "W", 3] if free else [1, size.height, size.width, 3]
    fields: dict[str, Any] = {
        "domain": "day2night",
        "direction": "a2b",
        "prompt": "driving in the night",
        "base": "test",
        "licences": Licences("MIT", "MIT"),
        "precision": "fp32",
        "frame": FrameSizes(multiple, size, free),
        "inputs": [TensorSpec("frame", "uint8", shape)],
        "outputs": [TensorSpec("translated", "uint8", shape)],
        "opset": OPSET,
        "flops_per_frame": {"total": 0},
        "files": {path.name: file_record(path) for path in folder.iterdir() if path.name != "manifest.json"},
        "parity": {},
        "made": {},
    }
    write_manifest(folder, Manifest(**(fields | (promise or {}))))
    return folder


def random_frame(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return [height, width, 3] uint8 of noise."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def _graph(kind: Kind, sides: list[Any]) -> onnx.ModelProto:
    shape = [1, *sides, 3]
    nodes, constants = {"invert": _invert, "copy": _copy, "heavy": _heavy}[kind]()
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("translated", TensorProto.UINT8, shape)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def _invert() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    white = numpy_helper.from_array(np.full(3, 255, np.int32), "white")
    return [
        helper.make_node("Cast", ["frame"], ["wide"], to=TensorProto.INT32),
        helper.make_node("Sub", ["white", "wide"], ["inverted"]),
        helper.make_node("Cast", ["inverted"], ["translated"], to=TensorProto.UINT8),
    ], [white]


def _copy() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    return [helper.make_node("Identity", ["frame"], ["translated"])], []


def _heavy(layers: int = 4, width: int = 48) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["frame"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["x0"], perm=[0, 3, 1, 2]),
    ]
    weights = []
    widths = [3, *[width] * layers, 3]
    for i, (taken, given) in enumerate(pairwise(widths)):
        kernel = rng.normal(0, (taken * 9) ** -0.5, (given, taken, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{i}"))
        nodes.append(helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"x{i + 1}"], pads=[1, 1, 1, 1]))
    return [
        *nodes,
        helper.make_node("Mul", [f"x{layers + 1}", "little"], ["change"]),
        helper.make_node("Add", ["x0", "change"], ["changed"]),
        helper.make_node("Round", ["changed"], ["whole"]),
        helper.make_node("Transpose", ["whole"], ["pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["pixels"], ["translated"], to=TensorProto.UINT8),
    ], [*weights, numpy_helper.from_array(np.float32(1e-9), "little")]


def _save(model: onnx.ModelProto, folder: Path, *, external: bool) -> None:
    if external:
        onnx.save_model(
            model,
            folder / "generator.onnx",
            save_as_external_data=True,
            location="generator.data",
            size_threshold=0,
        )
    else:
        onnx.save_model(model, folder / "generator.onnx")
