"""A refit is planned only for the same graph with other numbers, and everything else is refused with its difference."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from onestep.errors import EngineBuildError
from onestep.exporter.engines.refit import plan_refit


def model(seed: int = 0) -> ModelProto:
    rng = np.random.default_rng(seed)
    weights = [numpy_helper.from_array(rng.normal(size=(4, 4)).astype(np.float16), name) for name in ("w1", "w2")]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, [1, 4]) for name in ("x", "y")]
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"], "first"),
        helper.make_node("Softmax", ["h"], ["s"], "second", axis=-1),
        helper.make_node("MatMul", ["s", "w2"], ["y"], "third"),
    ]
    return helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:], weights))


def planned(folder: Path, change: Callable[[ModelProto], object] = lambda given: None) -> tuple[str, ...]:
    given = model(seed=1)
    change(given)
    for name, graph in (("built.onnx", model()), ("given.onnx", given)):
        onnx.save(graph, str(folder / name))
    return plan_refit(folder / "built.onnx", folder / "given.onnx").names


def test_the_whole_set_is_replaced(tmp_path: Path) -> None:
    assert planned(tmp_path) == ("w1", "w2")
    assert plan_refit(tmp_path / "built.onnx", tmp_path / "given.onnx").parameters == 32


def _other_operator(given: ModelProto) -> None:
    given.graph.node[1].op_type = "LogSoftmax"


def _other_attribute(given: ModelProto) -> None:
    given.graph.node[1].attribute[0].i = 0


def _other_connection(given: ModelProto) -> None:
    given.graph.node[2].input[1] = "w1"


def _one_node_more(given: ModelProto) -> None:
    given.graph.node.append(helper.make_node("Relu", ["y"], ["z"], "fourth"))


def _one_node_fewer(given: ModelProto) -> None:
    del given.graph.node[2]


def _weight_missing(given: ModelProto) -> None:
    del given.graph.initializer[1]


def _weight_more(given: ModelProto) -> None:
    given.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float16), "w3"))


def _other_shape(given: ModelProto) -> None:
    given.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.zeros((4, 8), np.float16), "w1"))


def _other_type(given: ModelProto) -> None:
    given.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.zeros((4, 4), np.float32), "w1"))


def _other_size(given: ModelProto) -> None:
    given.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_other_operator, "Node 1 is LogSoftmax 'second' in the new graph and Softmax 'second' in the engine's"),
        (_other_attribute, "Node 1 is Softmax .* is connected or set otherwise"),
        (_other_connection, "Node 2 is MatMul .* is connected or set otherwise"),
        (_one_node_more, "The new graph goes on after node 3 where the other ends"),
        (_one_node_fewer, "The engine's graph goes on after node 2 where the other ends"),
        (_weight_missing, "lacks 1 of the engine's weights: w2"),
        (_weight_more, "has 1 weights that the engine lacks: w3"),
        (_other_shape, r"w1 is float16 \[4, 8\] in the new graph and float16 \[4, 4\] in the engine's"),
        (_other_type, r"w1 is float \[4, 4\] in the new graph and float16 \[4, 4\]"),
        (_other_size, "graph's input has another name, type or size than before"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, change: Callable[[ModelProto], None], message: str) -> None:
    with pytest.raises(EngineBuildError, match=f"{message}.*build a new one with `onestep build`"):
        planned(tmp_path, change)
