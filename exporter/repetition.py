"""Constants that say the same again and again, stored once: where a pixel is, a row for all rows and a column.

Folding computes everything that does not depend on the frame, and would write a plane of coordinates of every pixel
that outweighs a small network. The plane becomes an Expand of what it repeats, which a backend folds when it loads.
"""

from collections.abc import Collection

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from onestep.exporter.constants import constant, new_constant

_LEAST_ELEMENTS = 1 << 14
"""Smaller constants are left alone: they weigh nothing."""


def store_repetitions_once(model: ir.Model, *, given: Collection[str]) -> int:
    """Replace every large constant that folding computed and that repeats along an axis by an Expand, in place.

    Args:
        model: The graph, constants folded.
        given: Names of the constants that were there before: a network's own weights stay as they are, so that tools
            find them by name, however uniform they are before a training.

    Returns:
        How many elements that saves.
    """
    computed = [value for name, value in model.graph.initializers.items() if name not in given]
    return sum(_store_once(model.graph, value) for value in computed)


def once(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return an array of the same number of axes, of length 1 where all along an axis is the same."""
    for axis in range(array.ndim):
        first = array.take([0], axis=axis)
        array = first if np.array_equal(np.broadcast_to(first, array.shape), array) else array
    return array


def _store_once(graph: ir.Graph, value: ir.Value) -> int:
    array = constant(value)
    if array is None or array.size < _LEAST_ELEMENTS:
        return 0
    small = once(array)
    if small.size == array.size:
        return 0
    parts = [
        new_constant(graph, f"{value.name}_once", small),
        new_constant(graph, f"{value.name}_shape", np.asarray(array.shape, np.int64)),
    ]
    expanded = ir.node("Expand", parts)
    result = expanded.outputs[0]
    result.name, result.type, result.shape = f"{value.name}_repeated", value.type, value.shape
    graph.insert_before(graph[0], expanded)
    for user, place in list(value.uses()):
        user.replace_input_with(place, result)
    del graph.initializers[value.name]
    return int(array.size - small.size)
