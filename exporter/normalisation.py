"""Group normalisation in the few passes over the picture that it needs, for graphs that processors run.

ONNX Runtime has no processor kernel for GroupNormalization: it runs the operator's definition, which subtracts,
divides, multiplies and adds over the whole picture one after the other. All four are one scale and one shift for each
channel, which are small to compute (Wu and He 2018, equation 1, reordered):

    y = x * a + b,   a = gamma / sqrt(E[x^2] - E[x]^2 + epsilon),   b = beta - E[x] * a

The variance is the one of the operator's definition, but never below 0, where rounding puts that of a flat picture.
TensorRT knows the operator itself, and half precision needs its sums in float32, so an fp16 graph keeps it.
"""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from onestep.exporter.constants import constant, new_constant


def normalise_in_few_passes(model: ir.Model) -> int:
    """Replace every group normalisation in float32 whose weights are constants, in place.

    Args:
        model: The graph, shapes known.

    Returns:
        How many were replaced.
    """
    found = [node for node in model.graph if node.op_type == "GroupNormalization" and _is_replaceable(node)]
    for node in found:
        _replace(model.graph, node)
    return len(found)


def _is_replaceable(node: ir.Node) -> bool:
    picture, gamma, beta = node.inputs
    weights = constant(gamma), constant(beta)
    known = picture is not None and picture.shape is not None and picture.dtype == ir.DataType.FLOAT
    return known and all(each is not None and each.dtype == np.float32 for each in weights)


def _replace(graph: ir.Graph, node: ir.Node) -> None:
    picture, gamma, beta = node.inputs
    assert picture is not None and picture.shape is not None and gamma is not None and beta is not None
    groups = node.attributes["num_groups"].as_int()
    epsilon = node.attributes["epsilon"].as_float()
    built = _Built(graph, str(node.outputs[0].name))
    grouped = built.node("Reshape", picture, built.shape("grouped", [0, groups, -1]))
    last = built.shape("last", [2])
    mean = built.node("ReduceMean", grouped, last)
    mean_square = built.node("ReduceMean", built.node("Mul", grouped, grouped), last)
    difference = built.node("Sub", mean_square, built.node("Mul", mean, mean))
    variance = built.node("Max", difference, built.constant("zero", np.array(0.0, np.float32)))
    small = built.constant("epsilon", np.array(epsilon, np.float32))
    deviation = built.node("Sqrt", built.node("Add", variance, small))
    scale = built.node("Div", built.weights("gamma", gamma, groups), deviation)
    shift = built.node("Sub", built.weights("beta", beta, groups), built.node("Mul", mean, scale))
    channels = built.shape("channels", [0, -1, *[1] * (len(picture.shape) - 2)])
    scaled = built.node("Mul", picture, built.node("Reshape", scale, channels))
    new, old = built.node("Add", scaled, built.node("Reshape", shift, channels)), node.outputs[0]
    new.type, new.shape = old.type, old.shape
    ir.convenience.replace_nodes_and_values(graph, node, [node], built.nodes, [old], [new])
    for value in {gamma, beta}:
        if not value.uses():
            graph.initializers.pop(str(value.name))


class _Built:
    """The nodes that take the place of one, and their constants, named after its result."""

    def __init__(self, graph: ir.Graph, name: str) -> None:
        self.nodes: list[ir.Node] = []
        self._graph, self._name = graph, name

    def node(self, kind: str, *inputs: ir.Value) -> ir.Value:
        """Add a node and return its result."""
        self.nodes.append(ir.node(kind, inputs))
        return self.nodes[-1].outputs[0]

    def constant(self, name: str, array: NDArray[np.generic]) -> ir.Value:
        """Add a constant."""
        return new_constant(self._graph, f"{self._name}.{name}", array)

    def shape(self, name: str, numbers: list[int]) -> ir.Value:
        """Add a constant of whole numbers."""
        return self.constant(name, np.array(numbers, np.int64))

    def weights(self, name: str, value: ir.Value, groups: int) -> ir.Value:
        """Add weights of `[C]` as `[1, groups, C / groups]`."""
        array = constant(value)
        assert array is not None
        return self.constant(name, array.reshape(1, groups, -1))
