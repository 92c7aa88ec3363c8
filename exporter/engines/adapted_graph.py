"""The bundle's graph with two changes that TensorRT needs and that change no result.

1. Its shuffle layers take no uint8 (TensorRT-RTX 1.7: "first input has type UInt8 but must have type Float, Half,
   ..."), so bytes become float32 numbers at once, and numbers become bytes last: transpositions and reshapes between
   these and the frame move numbers. Both commute exactly.
2. Keys of a cross-attention that were folded into a constant already transposed keep the builder from recognising the
   attention. The constant is stored as it was, with a Transpose behind it. See `attention`.

Only the structure is copied; weights stay in the bundle's external data, but for the keys (77 tokens each).
"""

from collections import defaultdict
from collections.abc import MutableSequence
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from onnx.external_data_helper import load_external_data_for_tensor

_LAST_TWO_SWAPPED = [0, 1, 3, 2]
_MOVING = ("Transpose", "Reshape")
Users = dict[str, list[NodeProto]]


def adapted_graph(path: Path) -> onnx.ModelProto:
    """Return the graph of a file as TensorRT takes it, its weights still external.

    Args:
        path: The ONNX file.
    """
    model = onnx.load(str(path), load_external_data=False)
    for value in model.graph.input:
        if _holds_bytes(value):
            _cast_first(model.graph, value.name)
    for value in model.graph.output:
        if _holds_bytes(value):
            _cast_last(model.graph, value.name)
    _forget_bytes_between(model.graph)
    _show_keys_untransposed(model, _users(model), path.parent)
    return model


def _holds_bytes(value: ValueInfoProto) -> bool:
    return bool(value.type.tensor_type.elem_type == TensorProto.UINT8)


def _cast_first(graph: GraphProto, name: str) -> None:
    """Let all readers of an input of bytes read float32 numbers."""
    numbers = f"{name}_numbers"
    for node in graph.node:
        _rename(node.input, name, numbers)
    graph.node.insert(0, helper.make_node("Cast", [name], [numbers], f"node_{numbers}", to=TensorProto.FLOAT))


def _cast_last(graph: GraphProto, name: str) -> None:
    """Move the Cast to bytes behind what only moves them, so that it makes the output."""
    makers, numbers, moving = {node.output[0]: node for node in graph.node}, f"{name}_numbers", []
    node = makers.get(name)
    while node is not None and node.op_type in _MOVING:
        moving.append(node)
        node = makers.get(node.input[0])
    if not moving or node is None or node.op_type != "Cast":
        return
    _rename(moving[-1].input, node.output[0], node.input[0])
    _rename(moving[0].output, name, numbers)
    graph.node.remove(node)
    graph.node.append(helper.make_node("Cast", [numbers], [name], f"node_{numbers}", to=TensorProto.UINT8))


def _rename(names: MutableSequence[str], old: str, new: str) -> None:
    for place, name in enumerate(names):
        if name == old:
            names[place] = new


def _forget_bytes_between(graph: GraphProto) -> None:
    """Drop the types of what held bytes: it holds numbers now, and its type follows from its maker's."""
    left = [value for value in graph.value_info if not _holds_bytes(value)]
    del graph.value_info[:]
    graph.value_info.extend(left)


def _users(model: onnx.ModelProto) -> Users:
    users: Users = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            users[name].append(node)
    return users


def _show_keys_untransposed(model: onnx.ModelProto, users: Users, folder: Path) -> None:
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for index, node in reversed(list(enumerate(model.graph.node))):
        keys = constants.get(node.input[1]) if node.op_type == "MatMul" else None
        follower = _only_user(users, node.output[0])
        if keys is None or follower is None or follower.op_type != "Softmax" or len(keys.dims) != 4:
            continue
        stored = f"{keys.name}_untransposed"
        transposed = f"{node.output[0]}_keys"
        if stored not in constants:
            constants[stored] = _swapped(keys, stored, folder)
            model.graph.initializer.append(constants[stored])
        node.input[1] = transposed
        model.graph.node.insert(
            index, helper.make_node("Transpose", [stored], [transposed], f"node_{transposed}", perm=_LAST_TWO_SWAPPED)
        )


def _swapped(tensor: TensorProto, name: str, folder: Path) -> TensorProto:
    """Return `[1, heads, width, tokens]` as `[1, heads, tokens, width]`."""
    loaded = TensorProto()
    loaded.CopyFrom(tensor)
    if loaded.data_location == TensorProto.EXTERNAL:
        load_external_data_for_tensor(loaded, str(folder))
    values = numpy_helper.to_array(loaded)
    return numpy_helper.from_array(np.ascontiguousarray(values.transpose(_LAST_TWO_SWAPPED)), name)


def _only_user(users: Users, name: str) -> NodeProto | None:
    found = users.get(name, [])
    return found[0] if len(found) == 1 else None
