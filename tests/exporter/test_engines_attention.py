"""What the real builder makes of attention as our graphs have it; see `onestep.exporter.engines.attention`."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from onestep.exporter.engines.adapted_graph import adapted_graph
from onestep.exporter.engines.attention import fused_attention_count
from onestep.exporter.engines.builder_config import builder_config
from onestep.exporter.engines.network import parsed_network
from onestep.exporter.engines.options import BuildOptions
from onestep.tensorrt_library import LIBRARIES

pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install 'onestep[tensorrt-rtx]'")


def attention(heads: int, tokens: int, keys: int, width: int, *, folded_keys: bool) -> onnx.ModelProto:
    """Return scaled attention as torch's exporter writes it at opset 21; keys and values are constants if folded."""
    rng = np.random.default_rng(0)
    scale = numpy_helper.from_array(np.float16(width**-0.25), "scale")
    constants, nodes = [scale], [helper.make_node("Mul", ["q", "scale"], ["scaled_q"])]
    inputs = [_input("q", [1, heads, tokens, width])]
    if folded_keys:
        constants += [
            numpy_helper.from_array(rng.normal(size=shape).astype(np.float16), name)
            for name, shape in (("kt", (1, heads, width, keys)), ("v", (1, heads, keys, width)))
        ]
    else:
        inputs += [_input(name, [1, heads, keys, width]) for name in ("k", "v")]
        nodes += _transposed_keys()
    nodes += [
        helper.make_node("MatMul", ["scaled_q", "kt"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["weights"], axis=-1),
        helper.make_node("MatMul", ["weights", "v"], ["o"]),
    ]
    output = helper.make_tensor_value_info("o", TensorProto.FLOAT16, [1, heads, tokens, width])
    graph = helper.make_graph(nodes, "attention", inputs, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def _input(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT16, shape)


def _transposed_keys() -> list[NodeProto]:
    return [
        helper.make_node("Transpose", ["k"], ["unscaled_kt"], perm=[0, 1, 3, 2]),
        helper.make_node("Mul", ["unscaled_kt", "scale"], ["kt"]),
    ]


def fused(model: onnx.ModelProto, folder: Path, *, adapted: bool = True) -> int | None:
    """Build a graph and count its fused attentions."""
    path = folder / "graph.onnx"
    onnx.save(model, str(path))
    parsed = parsed_network(LIBRARIES["tensorrt-rtx"], adapted_graph(path) if adapted else model, path)
    config = builder_config(parsed, BuildOptions(), [], lambda done, known: None)
    plan = parsed.builder.build_serialized_network(parsed.network, config)
    assert plan is not None, parsed.reasons()
    return fused_attention_count(bytes(plan), profile_count=1)


@pytest.mark.parametrize(
    ("heads", "tokens", "keys", "width", "expected"),
    [
        pytest.param(5, 4096, 4096, 64, 1, id="SD-Turbo, outermost level at 512x512"),
        pytest.param(20, 64, 64, 64, 1, id="SD-Turbo, innermost level at 512x512"),
        pytest.param(3, 96, 96, 16, 1, id="tiny"),
        pytest.param(1, 4096, 4096, 512, 0, id="VAE of SD-Turbo: builds, in three steps"),
        pytest.param(1, 96, 96, 64, 0, id="VAE of tiny: builds, in three steps"),
    ],
)
def test_self_attention(tmp_path: Path, heads: int, tokens: int, keys: int, width: int, expected: int) -> None:
    assert fused(attention(heads, tokens, keys, width, folded_keys=False), tmp_path) == expected


@pytest.mark.parametrize(("heads", "tokens", "width"), [(5, 4096, 64), (20, 64, 64), (3, 96, 16)])
def test_cross_attention_with_folded_keys_is_fused_once_the_keys_are_shown(
    tmp_path: Path, heads: int, tokens: int, width: int
) -> None:
    model = attention(heads, tokens, 77, width, folded_keys=True)
    assert fused(model, tmp_path, adapted=False) == 0
    assert fused(model, tmp_path) == 1


def test_a_plan_without_a_program_is_no_proof() -> None:
    assert fused_attention_count(b"something else", profile_count=1) is None
