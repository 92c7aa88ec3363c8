"""The adapted graph computes the same bytes; the proof and the inspector's table count right; no library is needed."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from onestep.errors import EngineBuildError
from onestep.exporter.engines.adapted_graph import adapted_graph
from onestep.exporter.engines.inspection import counts_from_information, telling_counts
from onestep.exporter.engines.precision_proof import check_islands, declared_islands, graph_counts
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator
from onestep.training.students.generator import StudentGenerator
from onestep.training.students.network import StudentNetwork, StudentShape
from tests.exporter.engine_bundles import engine_bundle

SIZE = FrameSize(64, 32)


@pytest.fixture(scope="module")
def path(packed: PackedGenerator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph") / "bundle"
    return engine_bundle(folder, packed.generator, packed.base.prompt_embedding("x"), size=SIZE).graph_path


def test_no_transpose_touches_bytes_and_the_result_is_the_same(path: Path) -> None:
    _check_adapted(path)


@pytest.mark.parametrize("streaks", [0.0, 1.0], ids=["dry", "rain"])
def test_bytes_of_a_student_stay_at_the_border(tmp_path: Path, streaks: float) -> None:
    """Its graph reshapes bytes, and rain adds up some of them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        student = StudentNetwork.of_shape(StudentShape((16, 16), (0, 1), (1,), sees_place=True))
    generator = StudentGenerator(student.eval(), streaks).eval()
    folder = tmp_path / "bundle"
    _check_adapted(engine_bundle(folder, generator, torch.zeros(1, 1, 1), size=SIZE).graph_path)


def _check_adapted(path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (1, SIZE.height, SIZE.width, 3), np.uint8)
    adapted = adapted_graph(path)
    first, last = adapted.graph.node[0], adapted.graph.node[-1]
    assert (first.op_type, list(first.input)) == ("Cast", ["frame"])
    assert (last.op_type, list(last.output)) == ("Cast", ["translated"])
    assert [list(node.input).count("frame") for node in adapted.graph.node[1:]].count(1) == 0
    inferred = onnx.shape_inference.infer_shapes(adapted, strict_mode=True)
    bytes_between = [v.name for v in inferred.graph.value_info if v.type.tensor_type.elem_type == TensorProto.UINT8]
    assert not bytes_between
    onnx.save(adapted, str(path.with_name("adapted.onnx")))
    before, after = (
        onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"]).run(None, {"frame": frame})[0]
        for graph in (path, path.with_name("adapted.onnx"))
    )
    np.testing.assert_array_equal(before, after)


def test_folded_keys_are_shown_untransposed_and_weights_stay_external(path: Path) -> None:
    before = onnx.load(str(path), load_external_data=False)
    adapted = adapted_graph(path)
    added = {tensor.name for tensor in adapted.graph.initializer} - {tensor.name for tensor in before.graph.initializer}
    assert len(added) == 7, "one per cross-attention of the tiny UNet"
    assert adapted.ByteSize() < 2 * before.ByteSize() + 200_000


def test_a_graph_that_needs_no_change_keeps_its_nodes(tmp_path: Path) -> None:
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
    onnx.save(helper.make_model(graph), str(tmp_path / "g.onnx"))
    assert [node.op_type for node in adapted_graph(tmp_path / "g.onnx").graph.node] == ["Relu"]


def test_types_are_inferred_where_the_graph_does_not_state_them() -> None:
    weight = numpy_helper.from_array(np.zeros((4, 4), np.float16), "w")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, [1, 4]) for name in ("x", "y")]
    nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("MatMul", ["r", "w"], ["y"])]
    model = helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:], [weight]))
    assert graph_counts(model) == {"matrix product": {"float16": 1}}


def test_islands_are_counted_and_one_more_is_refused() -> None:
    allowed = {"convolution": {"float16": 89, "float32": 1}, "matrix product": {"float16": 5}}
    check_islands(allowed, "fp16", where="graph")
    check_islands({"convolution": {"float32": 90}}, "fp32", where="graph")
    for operation, counts in (("convolution", {"float32": 2}), ("matrix product", {"float16": 4, "float32": 1})):
        with pytest.raises(EngineBuildError, match=rf"{operation}s of the engine are float32 \(allowed: [01]\)"):
            check_islands({operation: counts}, "fp16", where="engine")


def test_what_the_export_kept_in_float32_is_allowed_and_no_more() -> None:
    graph = {"convolution": {"float16": 80, "float32": 3}, "matrix product": {"float16": 5}}
    assert declared_islands(graph, []) == {"convolution": 1, "matrix product": 0}
    islands = declared_islands(graph, ["unet.mid_block.resnets.0"])
    check_islands(graph, "fp16", where="graph", islands=islands)
    more = {"convolution": {"float16": 79, "float32": 4}}
    with pytest.raises(EngineBuildError, match=r"4 of 83 convolutions of the engine are float32 \(allowed: 3\)"):
        check_islands(more, "fp16", where="engine", islands=islands)


def test_an_engine_holds_its_islands_once_for_each_profile() -> None:
    counts = {"convolution": {"float16": 267, "float32": 3}}
    check_islands(counts, "fp16", where="engine", copies=3)
    with pytest.raises(EngineBuildError, match=r"3 of 270 convolutions .* \(allowed: 2\)"):
        check_islands(counts, "fp16", where="engine", copies=2)


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", '{"Layers": []}', '{"Layers": [{"LayerType": "conv", "Inputs": [{"Type": "?"}]}]}']
)
def test_an_inspector_that_tells_no_dtype_proves_nothing(text: str) -> None:
    assert telling_counts(text) is None


def test_what_the_inspector_tells_is_counted() -> None:
    text = '{"Layers": [{"LayerType": "conv", "Inputs": [{"Datatype": "Half"}]}]}'
    assert telling_counts(text) == {"convolution": {"float16": 1}}


def test_the_inspectors_table_in_both_spellings() -> None:
    layers = [
        {"LayerType": "CaskConvolution", "Inputs": [{"Format/Datatype": "Channel major FP16 format"}]},
        {"LayerType": "kgen", "TacticName": "sm80_gemm_f16", "Inputs": [{"Datatype": "Half"}]},
        {"LayerType": "conv", "Inputs": [{"Format": "linear", "DataType": "Float"}]},
        {"LayerType": "Reformat", "Inputs": []},
        "a name only",
    ]
    assert counts_from_information({"Layers": layers}) == {
        "convolution": {"float16": 1, "float32": 1},
        "matrix product": {"float16": 1},
    }
