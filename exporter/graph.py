"""From the frame-to-frame module to one ONNX graph with its constants folded."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
import torch
from onnxscript import optimizer

from onestep.bundle.manifest import TensorSpec
from onestep.errors import ExportError
from onestep.exporter.extra_inputs import ExtraInput, example_values, extra_inputs
from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.normalisation import normalise_in_few_passes
from onestep.exporter.repetition import store_repetitions_once
from onestep.exporter.upsampling import convolve_before_upsampling
from onestep.frame_size import FrameSize

OPSET = 21
"""From 21 on GroupNormalization is one operator; attention stays MatMul-Softmax-MatMul, which every backend builds."""

INPUT_NAME, OUTPUT_NAME = "frame", "translated"
HEIGHT_NAME, WIDTH_NAME = "height", "width"
DATA_SUFFIX = ".data"
_FOLDED_ELEMENTS_LIMIT = (
    1 << 26
)  # no constant of these networks is near it; a graph that computes a larger one is wrong
_LONGEST_SIDE = 8192


@dataclass(frozen=True)
class GraphCount:
    """How large a graph is."""

    nodes: int
    parameters: int
    megabytes: float
    """Size of the weights, 10**6 bytes."""


@dataclass(frozen=True)
class FoldedGraph:
    """A graph and what folding saved."""

    model: ir.Model
    before: GraphCount
    after: GraphCount


def graph_from_module(module: FrameToFrame, *, size: FrameSize, free: bool) -> FoldedGraph:
    """Trace the module and fold everything that does not depend on the frame.

    The prompt's text path ends at the embedding; the timestep's embedding and projections and the keys and values of
    all cross-attentions are computed from constants, so they become constants. Convolutions of an upsampled picture are
    computed before the upsampling (`upsampling`), a float32 graph has its normalisations in few passes
    (`normalisation`), and constants that repeat themselves are stored once (`repetition`).

    Args:
        module: The network, on the CPU.
        size: Frame size to trace with, the only one if `free` is false. A free graph is traced with two multiples each
            way at least.
        free: Whether height and width stay open, in multiples of the generator's `frame_multiple`.

    Raises:
        ExportError: The exporter could not trace the module.
    """
    size = _openable(size, module.generator.frame_multiple) if free else size
    extra = extra_inputs(module.generator, size)
    model = _traced(module, size, extra, _dynamic_shapes(module, extra) if free else None)
    before, given = count(model), set(model.graph.initializers)
    optimizer.optimize(model, input_size_limit=_FOLDED_ELEMENTS_LIMIT, output_size_limit=_FOLDED_ELEMENTS_LIMIT)
    convolve_before_upsampling(model)
    if module.prompt_embedding.dtype == torch.float32:
        normalise_in_few_passes(model)
    if free:
        _name_free_dimensions(model, extra)
    _drop_traces(model)
    left = nodes_without_frame(model)
    if left:
        raise ExportError(
            f"{len(left)} nodes of the graph do not depend on the frame and were not folded, the first a "
            f"{left[0].op_type} ({left[0].name}). This is a defect of the exporter: please report it."
        )
    store_repetitions_once(model, given=given)
    return FoldedGraph(model, before, count(model))


def count(model: ir.Model) -> GraphCount:
    """Count the nodes and weights of a graph."""
    tensors = [v.const_value for v in model.graph.initializers.values() if v.const_value is not None]
    return GraphCount(
        nodes=len(model.graph),
        parameters=sum(tensor.size for tensor in tensors),
        megabytes=sum(tensor.nbytes for tensor in tensors) / 1e6,
    )


def nodes_without_frame(model: ir.Model) -> list[ir.Node]:
    """Return the nodes whose result does not depend on any input of the graph."""
    live = {value.name for value in model.graph.inputs}
    constant = []
    for node in model.graph:
        if any(value is not None and value.name in live for value in node.inputs):
            live.update(output.name for output in node.outputs)
        else:
            constant.append(node)
    return constant


def write_graph(model: ir.Model, path: Path, *, metadata: dict[str, str]) -> None:
    """Write a graph with all of its weights in external data beside it, and check it.

    Args:
        model: The graph.
        path: Where to; the weights go to the same name with `.data` behind it.
        metadata: Texts for the graph's metadata.

    Raises:
        ExportError: ONNX's checker finds fault with the graph, or it is not bytes in, bytes out.
    """
    model.metadata_props.update(metadata)
    model.producer_name = "onestep"
    ir.save(model, path, external_data=path.name + DATA_SUFFIX, size_threshold_bytes=256)
    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError as err:
        raise ExportError(f"ONNX's checker refuses the exported graph: {err}") from err


def tensor_specs(model: ir.Model) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """Return the graph's inputs and outputs, after checking that it maps a frame of bytes to a frame of bytes.

    A stochastic generator's graph has more inputs behind the frame.

    Raises:
        ExportError: It does not.
    """
    inputs, outputs = ([_spec(value) for value in values] for values in (model.graph.inputs, model.graph.outputs))
    for specs, name in ((inputs, INPUT_NAME), (outputs, OUTPUT_NAME)):
        good = specs and specs[0].name == name and specs[0].dtype == "uint8" and len(specs[0].shape) == 4
        if not good or len(outputs) != 1:
            raise ExportError(f"The graph should have one tensor {name!r}, uint8 [1, H, W, 3]; it has {specs}.")
    return inputs, outputs


def _traced(module: FrameToFrame, size: FrameSize, extra: list[ExtraInput], dynamic_shapes: Any) -> ir.Model:
    frame = torch.zeros(1, size.height, size.width, 3, dtype=torch.uint8)
    with _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                module.eval(),
                (frame, *example_values(extra, seed=0)),
                dynamo=True,
                optimize=False,
                opset_version=OPSET,
                input_names=[INPUT_NAME, *(given.name for given in extra)],
                output_names=[OUTPUT_NAME],
                dynamic_shapes=dynamic_shapes,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as err:
            raise ExportError(f"torch could not trace the generator: {err}") from err
    assert program is not None
    return program.model


def _openable(size: FrameSize, multiple: int) -> FrameSize:
    """Return a size whose sides are two multiples at least: torch takes a length of one for a constant."""
    return FrameSize(max(size.width, 2 * multiple), max(size.height, 2 * multiple))


def _dynamic_shapes(module: FrameToFrame, extra: list[ExtraInput]) -> Any:
    """Return which axes stay open, in the form that `torch.export` takes for `FrameToFrame.forward`."""
    multiple = module.generator.frame_multiple
    blocks = {
        HEIGHT_NAME: torch.export.Dim("rows", min=1, max=_LONGEST_SIDE // multiple),
        WIDTH_NAME: torch.export.Dim("columns", min=1, max=_LONGEST_SIDE // multiple),
    }
    frame_axes = {1: multiple * blocks[HEIGHT_NAME], 2: multiple * blocks[WIDTH_NAME]}
    extra_axes = tuple(
        {axis: multiple // divisor * blocks[side] for axis, (side, divisor) in given.free_axes.items()}
        for given in extra
    )
    return (frame_axes, extra_axes) if extra else (frame_axes,)


def _drop_traces(model: ir.Model) -> None:
    """Remove where each node came from: it names files of the machine that exported, and outweighs the nodes."""
    for node in model.graph:
        for part in (node, *node.outputs):
            part.metadata_props.clear()
            part.doc_string = None


def _name_free_dimensions(model: ir.Model, extra: list[ExtraInput]) -> None:
    """Call the free dimensions at the graph's border `height`, `width`, `height/8`, ...: runtimes look for these."""
    frames = (model.graph.inputs[0], *model.graph.outputs)
    for value in frames:
        value.shape = ir.Shape([1, HEIGHT_NAME, WIDTH_NAME, 3])
    for value, given in zip(model.graph.inputs[1:], extra, strict=True):
        names = {axis: f"{side}/{divisor}" for axis, (side, divisor) in given.free_axes.items()}
        value.shape = ir.Shape([names.get(axis, length) for axis, length in enumerate(given.shape)])


def _spec(value: ir.Value) -> TensorSpec:
    assert value.shape is not None and value.dtype is not None and value.name is not None
    shape = [dim if isinstance(dim, int) else str(dim.value) for dim in value.shape]
    return TensorSpec(name=value.name, dtype=str(value.dtype).lower(), shape=shape)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes on operators of packages that are not installed off the screen."""
    names = ("torch.onnx", "torch.onnx._internal.exporter._registration")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
