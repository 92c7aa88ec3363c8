"""The bundle's graph with two changes that TensorRT needs and that change no result.

1. Its shuffle layers take no uint8 (TensorRT-RTX 1.7: "first input has type UInt8 but must have type Float, Half,
   ..."), so a Transpose of bytes followed by a Cast becomes the Cast followed by the Transpose, and the other way round
   at the end. The two commute exactly.
2. Keys of a cross-attention that were folded into a constant already transposed keep the builder from recognising the
   attention. The constant is stored as it was, with a Transpose behind it. See `attention`.

Only the structure is copied; weights stay in the bundle's external data, but for the keys (77 tokens each).
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx.external_data_helper import load_external_data_for_tensor

_LAST_TWO_SWAPPED = [0, 1, 3, 2]
Users = dict[str, list[NodeProto]]


def adapted_graph(path: Path) -> onnx.ModelProto:
    """Return the graph of a file as TensorRT takes it, its weights still external.

    Args:
        path: The ONNX file.
    """
    model = onnx.load(str(path), load_external_data=False)
    users = _users(model)
    _keep_bytes_out_of_transposes(model, users)
    _show_keys_untransposed(model, users, path.parent)
    return model


def _users(model: onnx.ModelProto) -> Users:
    users: Users = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            users[name].append(node)
    return users


def _keep_bytes_out_of_transposes(model: onnx.ModelProto, users: Users) -> None:
    inputs = {value.name for value in model.graph.input}
    for node in model.graph.node:
        follower = _only_user(users, node.output[0])
        if follower is None or {node.op_type, follower.op_type} != {"Transpose", "Cast"}:
            continue
        reads_bytes = node.op_type == "Transpose" and node.input[0] in inputs
        if reads_bytes or (node.op_type == "Cast" and _cast_to(node) == TensorProto.UINT8):
            _swap_operations(node, follower)
            _forget_shape(model, node.output[0])


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


def _cast_to(node: NodeProto) -> int:
    return next(int(attribute.i) for attribute in node.attribute if attribute.name == "to")


def _swap_operations(first: NodeProto, second: NodeProto) -> None:
    """Let two nodes in a row do each other's operation; names and connections stay."""
    kept = NodeProto()
    kept.CopyFrom(first)
    for target, source in ((first, second), (second, kept)):
        target.op_type = source.op_type
        attributes = list(source.attribute)
        del target.attribute[:]
        target.attribute.extend(attributes)


def _forget_shape(model: onnx.ModelProto, name: str) -> None:
    left = [value for value in model.graph.value_info if value.name != name]
    del model.graph.value_info[:]
    model.graph.value_info.extend(left)
