"""Group normalisation in few passes is the same group normalisation."""

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.graph import graph_from_module
from onestep.exporter.normalisation import normalise_in_few_passes
from onestep.exporter.precision import generator_in
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator

CHANNELS, GROUPS, EPSILON = 12, 4, 1e-3


def graph(dtype: type[np.floating] = np.float32, *, rank: int = 4) -> onnx.ModelProto:
    random = np.random.default_rng(0)
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    shape = ["N", CHANNELS, "H", "W"][:rank]
    made = helper.make_graph(
        [helper.make_node("GroupNormalization", ["x", "g", "b"], ["y"], epsilon=EPSILON, num_groups=GROUPS)],
        "normalise",
        [helper.make_tensor_value_info("x", element, shape)],
        [helper.make_tensor_value_info("y", element, shape)],
        [numpy_helper.from_array(random.standard_normal(CHANNELS).astype(dtype), name) for name in ("g", "b")],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def rewritten(model: onnx.ModelProto) -> tuple[int, onnx.ModelProto]:
    changed = ir.from_proto(model)
    count = normalise_in_few_passes(changed)
    return count, ir.to_proto(changed)


@pytest.mark.parametrize("shape", [(1, CHANNELS, 6, 10), (2, CHANNELS, 1, 3), (3, CHANNELS, 7)])
def test_it_is_what_torch_computes(shape: tuple[int, ...]) -> None:
    model = graph(rank=len(shape))
    gamma, beta = (torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in model.graph.initializer)
    count, after = rewritten(model)
    onnx.checker.check_model(after, full_check=True)
    assert count == 1
    assert not {"GroupNormalization"} & {node.op_type for node in after.graph.node}
    assert not {"g", "b"} & {tensor.name for tensor in after.graph.initializer}
    given = torch.randn(*shape) * 3 + 2
    session = onnxruntime.InferenceSession(after.SerializeToString(), providers=["CPUExecutionProvider"])
    found: NDArray[np.float32] = session.run(None, {"x": given.numpy()})[0]
    expected = torch.nn.functional.group_norm(given, GROUPS, gamma, beta, EPSILON)
    np.testing.assert_allclose(found, expected.numpy(), atol=2e-5)


def test_a_flat_picture_gives_numbers() -> None:
    """Rounding puts its variance below 0: 3e4 squared has no room for a tenth in float32."""
    model = graph()
    _, after = rewritten(model)
    session = onnxruntime.InferenceSession(after.SerializeToString(), providers=["CPUExecutionProvider"])
    found = [
        session.run(None, {"x": np.full((1, CHANNELS, 17, 23), level, np.float32)})[0]
        for level in np.geomspace(1.0, 3e4, 50, dtype=np.float32)
    ]
    assert np.isfinite(found).all()


def test_half_precision_keeps_the_operator() -> None:
    count, after = rewritten(graph(np.float16))
    assert count == 0
    assert [node.op_type for node in after.graph.node] == ["GroupNormalization"]


@pytest.mark.parametrize(("precision", "kept"), [("fp32", False), ("fp16", True)])
def test_float32_graphs_have_none_and_half_precision_graphs_keep_theirs(
    packed: PackedGenerator, precision: str, kept: bool
) -> None:
    embedding = packed.base.prompt_embedding(packed.card.prompt)
    dtype = torch.float16 if precision == "fp16" else torch.float32
    module = FrameToFrame(generator_in(precision, packed.generator), embedding.to(dtype)).eval()
    nodes = Counter(node.op_type for node in graph_from_module(module, size=FrameSize(96, 64), free=False).model.graph)
    assert (nodes["GroupNormalization"] > 0) == kept
