"""Upsample by 2 and convolve 3x3, at the resolution before the upsampling.

Of the nine pixels that a 3x3 kernel sees in a picture whose pixels were all repeated twice, only four differ. Which
four, and which weights fall together, depends on whether the result's row and column are even or odd. So one
convolution of the large picture is four 2x2 ones of the small picture, interleaved: the same sums, 4/9 of the
multiplications, and no large picture to write and read in between. (Equivalence of upsampling, convolution and pixel
shuffle: Shi et al., "Is the deconvolution layer the same as a convolutional layer?", arXiv:1609.07009.)
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from onestep.exporter.constants import constant, new_constant

_EVEN, _ODD = 0, 1
_FALL_TOGETHER = {_EVEN: ((0,), (1, 2)), _ODD: ((0, 1), (2,))}
"""Rows of the 3x3 kernel that meet the same row of the small picture, first and second row of the 2x2 kernel."""
_NEAREST: dict[str, Any] = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
_DENSE: dict[str, Any] = {"strides": [1, 1], "dilations": [1, 1], "group": 1}
"""What a convolution does that names none of these."""


def convolve_before_upsampling(model: ir.Model) -> int:
    """Replace every nearest-neighbour upsampling by 2 that only a 3x3 convolution reads, in place.

    Args:
        model: The graph, shapes and constants known.

    Returns:
        How many were replaced.
    """
    found = [(node, upsampling) for node in model.graph if (upsampling := _upsampling_before(node)) is not None]
    for convolution, upsampling in found:
        _replace(model.graph, convolution, upsampling)
    return len(found)


def split_kernel(kernel: NDArray[np.floating[Any]]) -> dict[tuple[int, int], NDArray[np.floating[Any]]]:
    """Return the four 2x2 kernels of a 3x3 one.

    Args:
        kernel: `[C_out, C_in, 3, 3]`.

    Returns:
        `[C_out, C_in, 2, 2]` of the same type for each parity (0 even, 1 odd) of the result's row and column, summed in
        float32.
    """
    wide = kernel.astype(np.float32)
    return {
        (row, column): np.stack(
            [
                np.stack([wide[:, :, ys][:, :, :, xs].sum(axis=(2, 3)) for xs in _FALL_TOGETHER[column]], axis=-1)
                for ys in _FALL_TOGETHER[row]
            ],
            axis=-2,
        ).astype(kernel.dtype)
        for row in (_EVEN, _ODD)
        for column in (_EVEN, _ODD)
    }


def _upsampling_before(node: ir.Node) -> ir.Node | None:
    """Return the upsampling by 2 whose result this node, a 3x3 convolution, alone reads."""
    if not _convolves_in_place(node) or node.inputs[0] is None or len(node.inputs[0].uses()) > 1:
        return None
    before = node.inputs[0].producer()
    return before if before is not None and _doubles(before) else None


def _convolves_in_place(node: ir.Node) -> bool:
    """Whether a node is a dense 3x3 convolution with constant weights whose result is as large as its input."""
    kernel = constant(node.inputs[1]) if node.op_type == "Conv" else None
    if kernel is None or kernel.shape[2:] != (3, 3):
        return False
    return _attributes(node, ["pads"]) == {"pads": [1] * 4} and {**_DENSE, **_attributes(node, _DENSE)} == _DENSE


def _doubles(node: ir.Node) -> bool:
    """Whether a node repeats every pixel twice in both directions."""
    scales = constant(node.inputs[2]) if node.op_type == "Resize" and len(node.inputs) == 3 else None
    return scales is not None and scales.tolist() == [1.0, 1.0, 2.0, 2.0] and _attributes(node, _NEAREST) == _NEAREST


def _attributes(node: ir.Node, names: Iterable[str]) -> dict[str, Any]:
    """Return those of the named attributes that the node has."""
    values = {name: node.attributes[name].value for name in names if name in node.attributes}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _replace(graph: ir.Graph, convolution: ir.Node, upsampling: ir.Node) -> None:
    small, scales = upsampling.inputs[0], upsampling.inputs[2]
    kernel, others = convolution.inputs[1], convolution.inputs[2:]
    weights = constant(kernel)
    assert small is not None and kernel is not None and weights is not None
    parts = []
    for (row, column), part in split_kernel(weights).items():
        value = new_constant(graph, f"{kernel.name}.{row}{column}", part)
        pads = [1 - row, 1 - column, row, column]  # top, left, bottom, right
        parts.append(ir.node("Conv", [small, value, *others], {"pads": pads}))
    joined = ir.node("Concat", [part.outputs[0] for part in parts], {"axis": 1})
    interleaved = ir.node("DepthToSpace", joined.outputs, {"blocksize": 2, "mode": "DCR"})
    old, new = convolution.outputs[0], interleaved.outputs[0]
    new.type, new.shape = old.type, old.shape
    ir.convenience.replace_nodes_and_values(
        graph, convolution, [convolution, upsampling], [*parts, joined, interleaved], [old], [new]
    )
    for value in (kernel, scales):
        if value is not None and value.name in graph.initializers and not value.uses():
            graph.initializers.pop(value.name)
