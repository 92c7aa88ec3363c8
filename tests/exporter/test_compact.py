"""Weights that float16 holds exactly take half the room, and nothing else changes."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from onestep.bundle import open_bundle
from onestep.errors import GeneratorError, SettingError
from onestep.exporter.compact import store_as_halves, stores_halves
from onestep.exporter.engines.build import build_engine
from onestep.exporter.engines.options import BuildOptions
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.frame_size import FrameSize
from onestep.training.students import from_bundle
from onestep.training.students.folder import PackedStudent, StudentCard
from onestep.training.students.from_bundle import student_from_bundle
from onestep.training.students.generator import StudentGenerator
from onestep.training.students.network import StudentNetwork, StudentShape

SIDE = 64


def graph(weights: NDArray[np.float32]) -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("MatMul", ["h", "w"], ["y"])]
    made = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, SIDE])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def stored(model: onnx.ModelProto) -> tuple[int, onnx.ModelProto]:
    changed = ir.from_proto(model)
    saved = store_as_halves(changed)
    return saved, ir.to_proto(changed)


def result(model: onnx.ModelProto) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = np.random.default_rng(1).standard_normal((1, SIDE)).astype(np.float32)
    found: NDArray[np.float32] = session.run(None, {"x": given})[0]
    return found


def random_weights() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((SIDE, SIDE)).astype(np.float32)


def test_exact_weights_take_half_the_room_and_give_the_same_result() -> None:
    before = graph(random_weights().astype(np.float16).astype(np.float32))
    saved, after = stored(before)
    onnx.checker.check_model(after, full_check=True)
    assert saved == 2 * SIDE * SIDE
    assert [(tensor.name, tensor.data_type) for tensor in after.graph.initializer] == [("w", TensorProto.FLOAT16)]
    assert [node.op_type for node in after.graph.node] == ["Cast", "MatMul", "MatMul"]
    np.testing.assert_array_equal(result(after), result(before))


@pytest.mark.parametrize("spoiled", [0.1, 1e6, 1e-9])
def test_one_weight_that_would_change_keeps_them_all(spoiled: float) -> None:
    weights = random_weights().astype(np.float16).astype(np.float32)
    weights[3, 5] = spoiled
    saved, after = stored(graph(weights))
    assert saved == 0
    assert after.graph.initializer[0].data_type == TensorProto.FLOAT


def student(*, half: bool) -> PackedStudent:
    shape = StudentShape(widths=(16, 32, 48), down_blocks=(0, 1, 2), up_blocks=(1, 1))
    generator = StudentGenerator(StudentNetwork.of_shape(shape))
    generator = (generator.half().float() if half else generator).eval().requires_grad_(False)
    card = StudentCard("day2night", "a2b", "dark", "tiny-student", "MIT", "MIT", (64, 32), "24 pictures")
    return PackedStudent(generator, card)


def test_a_compact_bundle_is_half_as_large_and_gives_its_student_back(tmp_path: Path) -> None:
    packed = student(half=True)
    sizes = {}
    for compact in (False, True):
        options = ExportOptions(size=FrameSize(64, 32), compact=compact, parity_frame_count=2)
        report = export_bundle(packed, tmp_path / str(compact), options=options)
        sizes[compact] = sum(path.stat().st_size for path in report.path.glob("generator.onnx*"))
        again = student_from_bundle(report.path)
        assert again.card == packed.card
        for name, tensor in packed.generator.state_dict().items():
            np.testing.assert_array_equal(again.generator.state_dict()[name], tensor)
    assert report.saved_bytes > 0.45 * sizes[False]
    assert sizes[True] < 0.6 * sizes[False]


def test_full_precision_weights_are_left_alone(tmp_path: Path) -> None:
    options = ExportOptions(size=FrameSize(64, 32), compact=True, parity_frame_count=1)
    report = export_bundle(student(half=False), tmp_path / "bundle", options=options)
    assert report.saved_bytes == 0
    assert not stores_halves(open_bundle(report.path).graph_path)


def test_a_compact_bundle_makes_no_refittable_engine(tmp_path: Path) -> None:
    options = ExportOptions(size=FrameSize(64, 32), compact=True, parity_frame_count=1)
    report = export_bundle(student(half=True), tmp_path / "bundle", options=options)
    with pytest.raises(SettingError, match=r"exported with --compact.* Export without --compact"):
        build_engine(open_bundle(report.path), options=BuildOptions(refittable=True))


def test_only_a_student_in_float32_comes_back_from_its_bundle(tmp_path: Path) -> None:
    half = ExportOptions(precision="fp16", size=FrameSize(64, 32), parity_frame_count=1)
    report = export_bundle(student(half=True), tmp_path / "bundle", options=half)
    with pytest.raises(GeneratorError, match="is a bundle of tiny-student in fp16, and holds no student's weights"):
        student_from_bundle(report.path)


def test_a_student_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights have other names."""
    options = ExportOptions(size=FrameSize(64, 32), parity_frame_count=1)
    report = export_bundle(student(half=True), tmp_path / "bundle", options=options)
    monkeypatch.setattr(from_bundle, "_EDGES", "earlier.")
    with pytest.raises(GeneratorError, match="or a student's fp32 bundle of this version of onestep"):
        student_from_bundle(report.path)


def test_compact_is_for_float32() -> None:
    with pytest.raises(SettingError, match="Compact storage is for the weights of an fp32 graph, .* is fp16"):
        ExportOptions(precision="fp16", compact=True)
