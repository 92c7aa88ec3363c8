"""The proof that an engine computes in the types that its bundle promises.

An engine that quietly runs in float32 is the commonest defect of such toolkits. Three things are held against each
other, and the build fails where two differ:

- the manifest's precision against the types in the graph: an fp16 bundle has its convolutions and matrix products in
  float16, but for the one island that every export has (the UNet's last convolution, see
  `onestep.exporter.precision`), and what its `parity.json` names as kept in float32 for the range of its numbers;
- the types in the graph against the network that the library parsed, layer by layer;
- on a machine with a GPU, the network against the finished engine, through its inspector: see `inspection`.

A strongly typed network binds the builder to the network's types, so the second proof holds for the engine too. Where
no GPU is at hand it is the last that can be made, and the record says so.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto

from onestep.errors import EngineBuildError
from onestep.exporter.engines.network import ParsedNetwork

FLOAT32_ISLANDS = {"convolution": 1, "matrix product": 0}
"""How many operations of an fp16 graph are float32 in every export."""

_OPERATORS = {
    "Conv": "convolution",
    "ConvTranspose": "convolution",
    "MatMul": "matrix product",
    "Gemm": "matrix product",
}
_LAYERS = {
    "CONVOLUTION": "convolution",
    "DECONVOLUTION": "convolution",
    "MATRIX_MULTIPLY": "matrix product",
    "EINSUM": "matrix product",
}
_DTYPES = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.BFLOAT16: "bfloat16"}
_NETWORK_DTYPES = {"FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16"}

Counts = dict[str, dict[str, int]]
"""How many, by operation or layer type, then by dtype."""


@dataclass(frozen=True)
class PrecisionProof:
    """What was counted."""

    graph: Counts
    """Convolutions and matrix products of the ONNX graph, by the dtype of what they take."""
    network: Counts
    """The same in the parsed network."""
    layers: Counts
    """All layers of the parsed network by type, and the dtype of what they give."""
    islands: dict[str, int]
    """How many operations may be float32, by name."""


def prove_precision(
    precision: str, model: onnx.ModelProto, parsed: ParsedNetwork, *, kept_in_float32: Sequence[str] = ()
) -> PrecisionProof:
    """Hold the manifest's precision, the graph's types and the parsed network against each other.

    Args:
        precision: Of the manifest.
        model: The graph.
        parsed: The same as the library understood it.
        kept_in_float32: Modules that the export kept so, as it declares.

    Raises:
        EngineBuildError: Two of them differ.
    """
    graph = graph_counts(model)
    islands = declared_islands(graph, kept_in_float32)
    check_islands(graph, precision, islands=islands, where="graph")
    layers = [(str(layer.type).rpartition(".")[2], layer) for layer in parsed.layers()]
    network = _counted((_LAYERS[kind], _network_dtype(layer.get_input(0))) for kind, layer in layers if kind in _LAYERS)
    _check_equal(graph, network, parsed)
    return PrecisionProof(
        graph, network, _counted((kind, _network_dtype(layer.get_output(0))) for kind, layer in layers), islands
    )


def declared_islands(graph: Counts, kept_in_float32: Sequence[str]) -> dict[str, int]:
    """Return how many operations of an fp16 graph may be float32: what every export has, or what this one declares."""
    if not kept_in_float32:
        return FLOAT32_ISLANDS
    return {operation: graph.get(operation, {}).get("float32", 0) for operation in FLOAT32_ISLANDS}


def graph_counts(model: onnx.ModelProto) -> Counts:
    """Count a graph's convolutions and matrix products by the dtype that they take.

    Args:
        model: The graph; its weights may be external.
    """
    types = _types(model)
    operations = [node for node in model.graph.node if node.op_type in _OPERATORS]
    if any(types.get(name) is None for node in operations for name in node.input[:2]):
        types = _types(onnx.shape_inference.infer_shapes(model))
    return _counted((_OPERATORS[node.op_type], _widest(types, node.input[:2])) for node in operations)


def check_islands(
    counts: Counts, precision: str, *, where: str, islands: Mapping[str, int] = FLOAT32_ISLANDS, copies: int = 1
) -> None:
    """Raise EngineBuildError if an fp16 bundle has more float32 operations than its declared islands.

    Args:
        counts: Convolutions and matrix products by dtype.
        precision: Of the manifest.
        where: What was counted, for the message.
        islands: How many may be float32, by operation.
        copies: How often the network was counted: an engine holds it once for each profile.
    """
    if precision != "fp16":
        return
    for operation, declared in islands.items():
        allowed = copies * declared
        found = counts.get(operation, {})
        single = found.get("float32", 0)
        if single > allowed:
            raise EngineBuildError(
                f"The manifest says fp16, and {single} of {sum(found.values())} {operation}s of the {where} are "
                f"float32 (allowed: {allowed}). Export the bundle again with --precision fp16, or ship it as fp32."
            )


def _check_equal(graph: Counts, network: Counts, parsed: ParsedNetwork) -> None:
    for operation in FLOAT32_ISLANDS:
        declared, found = (counts.get(operation, {}).get("float32", 0) for counts in (graph, network))
        if found != declared:
            raise EngineBuildError(
                f"{parsed.library.name} {parsed.trt.__version__} made {found} {operation}s in float32, and the graph "
                f"declares {declared}. The engine would not compute in the graph's types, so it was not built: please "
                "report it with the bundle."
            )


def _types(model: onnx.ModelProto) -> dict[str, int]:
    graph = model.graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.output, *graph.value_info)}
    types.update({tensor.name: tensor.data_type for tensor in graph.initializer})
    for node in graph.node:  # the nodes that this package put in take the type of their constant
        if node.op_type == "Transpose" and node.output[0] not in types and node.input[0] in types:
            types[node.output[0]] = types[node.input[0]]
    return types


def _widest(types: dict[str, int], names: Iterable[str]) -> str:
    dtypes = [_DTYPES.get(types.get(name, TensorProto.UNDEFINED), "other") for name in names]
    return "float32" if "float32" in dtypes else dtypes[0]


def _network_dtype(tensor: Any) -> str:
    if tensor is None:
        return "none"
    name = str(tensor.dtype).rpartition(".")[2]
    return _NETWORK_DTYPES.get(name, name.lower())


def _counted(pairs: Iterable[tuple[str, str]]) -> Counts:
    counts: Counts = {}
    for (kind, dtype), count in sorted(Counter(pairs).items()):
        counts.setdefault(kind, {})[dtype] = count
    return counts
