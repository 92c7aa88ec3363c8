"""Weights in half the room, without a change: what float16 holds exactly is stored as float16.

Networks that were trained or published in half precision have such weights. The graph casts them to float32 when it is
loaded, as any backend folds a cast of a constant, and computes as before.
"""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

_WIDE = "_float32"
"""Behind a constant's name, where the graph computes with it."""

_LEAST_BYTES = 1024
"""Smaller constants are left alone: a Cast node takes as much room."""


def store_as_halves(model: ir.Model) -> int:
    """Store every float32 constant that float16 holds exactly as float16 with a Cast behind it, in place.

    A constant keeps its name; what the graph computes with has `_float32` behind it.

    Args:
        model: The graph.

    Returns:
        How many bytes that saves.
    """
    constants = list(model.graph.initializers.values())
    return sum(_store_as_half(model.graph, value) for value in constants)


def stores_halves(path: Path) -> bool:
    """Tell whether a graph on disk has constants that `store_as_halves` made smaller."""
    graph = onnx.load(path, load_external_data=False).graph
    halves = {constant.name for constant in graph.initializer if constant.data_type == onnx.TensorProto.FLOAT16}
    wide = {f"{name}{_WIDE}" for name in halves}
    return any(node.op_type == "Cast" and node.output[0] in wide for node in graph.node)


def _store_as_half(graph: ir.Graph, value: ir.Value) -> int:
    tensor = value.const_value
    if tensor is None or tensor.dtype != ir.DataType.FLOAT or tensor.nbytes < _LEAST_BYTES:
        return 0
    array = tensor.numpy()
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is not equal
        half = array.astype(np.float16)
    if not np.array_equal(half.astype(np.float32), array):
        return 0
    users = list(value.uses())
    cast = ir.node("Cast", [value], {"to": ir.DataType.FLOAT.value}, outputs=[_wide(value)])
    value.const_value = ir.tensor(half, name=value.name)
    value.dtype = ir.DataType.FLOAT16
    graph.insert_before(graph[0], cast)
    for user, place in users:
        user.replace_input_with(place, cast.outputs[0])
    return int(half.nbytes)


def _wide(value: ir.Value) -> ir.Value:
    return ir.Value(name=f"{value.name}{_WIDE}", type=ir.TensorType(ir.DataType.FLOAT), shape=value.shape)
