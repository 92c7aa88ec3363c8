"""Large constants that repeat along an axis are stored once, and mean what they meant."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from numpy.typing import NDArray

from onestep.exporter.repetition import once, store_repetitions_once

ROWS, COLUMNS = 120, 160
ROW = np.arange(COLUMNS, dtype=np.float32).reshape(1, 1, 1, COLUMNS)


def adds(plane: NDArray[np.generic]) -> ir.Model:
    """Return a graph that adds a constant plane to its input."""
    model = onnx.parser.parse_model(f"""
        <ir_version: 10, opset_import: ["": 21]>
        adds (float[1, 1, {ROWS}, {COLUMNS}] x) => (float[1, 1, {ROWS}, {COLUMNS}] y) {{ y = Add(x, plane) }}
    """)
    model.graph.initializer.append(onnx.numpy_helper.from_array(plane, name="plane"))
    return ir.from_proto(model)


def stored(model: ir.Model) -> int:
    return sum(v.const_value.size for v in model.graph.initializers.values() if v.const_value is not None)


@pytest.mark.parametrize(
    "small",
    [ROW, np.arange(ROWS, dtype=np.float32).reshape(1, 1, ROWS, 1), np.full((1, 1, 1, 1), 3.0, np.float32)],
    ids=["row", "column", "all"],
)
def test_a_plane_that_repeats_is_stored_once_and_computes_the_same(small: NDArray[np.float32]) -> None:
    plane = np.broadcast_to(small, (1, 1, ROWS, COLUMNS)).copy()
    model = adds(plane)
    assert store_repetitions_once(model, given=()) == plane.size - small.size
    assert stored(model) == small.size + plane.ndim
    proto = ir.to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).random((1, 1, ROWS, COLUMNS), np.float32)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], x + plane)


def test_a_plane_without_repetition_a_small_one_and_a_networks_own_are_left_alone() -> None:
    plane = np.random.default_rng(0).random((1, 1, ROWS, COLUMNS), np.float32)
    assert store_repetitions_once(adds(plane), given=()) == 0
    assert store_repetitions_once(adds(ROW), given=()) == 0
    uniform = np.ones((1, 1, ROWS, COLUMNS), np.float32)
    model = adds(uniform)
    assert store_repetitions_once(model, given={"plane"}) == 0
    assert list(model.graph.initializers) == ["plane"]


def test_one_different_element_is_kept() -> None:
    plane = np.broadcast_to(ROW, (1, 1, ROWS, COLUMNS)).copy()
    plane[0, 0, -1, -1] += 1.0
    assert once(plane).shape == plane.shape
