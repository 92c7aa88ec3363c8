"""A student's frame-to-frame form: the same pictures as its own form, and no operator that only shuffles pixels."""

import dataclasses

import numpy as np
import onnx_ir as ir
import pytest
import torch

from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.graph import graph_from_module
from onestep.exporter.precision import DTYPES, generator_in
from onestep.frame_size import FrameSize
from onestep.scenes import Scene
from onestep.training.students.generator import StudentGenerator
from onestep.training.students.network import StudentNetwork, StudentShape

SHAPE = StudentShape(widths=(16, 16, 32), down_blocks=(0, 1, 1), up_blocks=(1, 1))


def generator(*, sees_place: bool, streaks: float) -> StudentGenerator:
    """Return a student whose gains and shifts are all over their range."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        student = StudentNetwork.of_shape(dataclasses.replace(SHAPE, sees_place=sees_place))
        torch.nn.init.normal_(student.head.weight, std=0.2)
    return StudentGenerator(student, streaks).eval()


@pytest.mark.parametrize("streaks", [0.0, 0.8], ids=["dry", "rain"])
@pytest.mark.parametrize("sees_place", [False, True], ids=["anywhere", "place"])
@pytest.mark.parametrize(("precision", "db"), [("fp32", 70.0), ("fp16", 45.0)])
@torch.no_grad()
def test_both_forms_of_a_student_make_the_same_picture(
    sees_place: bool, streaks: float, precision: str, db: float
) -> None:
    exact = FrameToFrame(generator(sees_place=sees_place, streaks=streaks), torch.zeros(1, 1, 1)).eval()
    frame = torch.from_numpy(Scene.random(1).at(1.0, size=(128, 96)).render("day"))[None]
    expected = exact.frame_from_image(exact.translate(exact.image_from_frame(frame))).numpy().astype(np.float64)
    assert expected.std() > 20.0, "it is a picture"
    converted = generator_in(precision, exact.generator)
    result = FrameToFrame(converted, torch.zeros(1, 1, 1, dtype=DTYPES[precision])).eval()(frame).numpy()
    error = float(((result - expected) ** 2).mean())
    assert 10.0 * np.log10(255.0**2 / max(error, 1e-9)) > db
    if precision == "fp32":
        assert np.abs(result - expected).max() <= 1.0


@pytest.mark.parametrize("streaks", [0.0, 0.8], ids=["dry", "rain"])
def test_only_bytes_and_whole_rows_are_moved(streaks: float) -> None:
    """A shuffle of single floats takes longer than the stem."""
    module = FrameToFrame(generator(sees_place=True, streaks=streaks), torch.zeros(1, 1, 1)).eval()
    graph = graph_from_module(module, size=FrameSize(64, 48), free=True).model.graph
    assert not [node for node in graph if node.op_type == "DepthToSpace"]
    moves = [node for node in graph if node.op_type == "Transpose"]
    of_bytes = [node for node in moves if node.inputs[0].dtype == ir.DataType.UINT8]
    orders = [node.attributes["perm"].as_ints() for node in moves if node not in of_bytes]
    assert len(of_bytes) == 2 and orders
    assert all(order[-1] == len(order) - 1 for order in orders), "the last axis, a row, stays the last"
