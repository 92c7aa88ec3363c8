"""Constants of a graph that is being rewritten."""

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray


def constant(value: ir.Value | None) -> NDArray[Any] | None:
    """Return what a value always is, or None where that depends on the input."""
    tensor = None if value is None else value.const_value
    return None if tensor is None else tensor.numpy()


def new_constant(graph: ir.Graph, name: str, array: NDArray[np.generic]) -> ir.Value:
    """Add a constant to a graph under a name that is not taken."""
    tensor = ir.tensor(array, name=name)
    value = ir.Value(name=name, const_value=tensor, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape))
    graph.register_initializer(value)
    return value
