"""The proof: its figures are right, and it refuses a graph that is wrong."""

import copy
import dataclasses
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from onestep.errors import ParityError
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.parity import LIMITS, Figures, ParityReport, check_parity, enforce
from onestep.exporter.parity import _Tally as Tally
from onestep.exporter.samples import exact_samples, sample_frames
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator

SIZE = FrameSize(64, 32)
EQUAL = Figures(max_abs=0, share_over_1=0.0, share_over_3=0.0, share_over_level=0.0, psnr_db=math.inf, nan_count=0)


def report(precision: str = "fp16", /, **changes: float) -> ParityReport:
    return ParityReport(
        frame_count=2,
        frame_size=SIZE,
        precision=precision,
        limits=LIMITS[precision],
        torch_to_float32=EQUAL,
        graph_to_torch=EQUAL,
        graph_to_float32=dataclasses.replace(EQUAL, **changes),  # type: ignore[arg-type]
    )


def test_figures_agree_with_a_hand_computation() -> None:
    tally = Tally(level=2)
    ours = np.array([[[10, 10, 10], [10, 10, 10]]], np.uint8)
    tally.add(ours, np.array([[[10, 11, 12], [10, 14, 0]]], np.uint8))
    figures = tally.figures()
    assert figures.max_abs == 10
    assert figures.share_over_1 == pytest.approx(3 / 6)
    assert figures.share_over_3 == pytest.approx(2 / 6)
    assert figures.share_over_level == pytest.approx(2 / 6)
    assert figures.psnr_db == pytest.approx(10 * math.log10(255**2 / ((1 + 4 + 16 + 100) / 6)))


def test_frames_are_always_the_same_and_include_noise() -> None:
    first, again = list(sample_frames(SIZE, 8)), list(sample_frames(SIZE, 8))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert {frame.shape for frame in first} == {(32, 64, 3)}
    assert first[7].std() > 70, "bytes at random"


@pytest.mark.parametrize(
    "changes", [{"share_over_level": 1.1e-3}, {"psnr_db": 44.9}], ids=["bytes too far", "too far on the whole"]
)
def test_a_graph_over_the_limits_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ParityError, match=r"fp16 graph is not what the generator computes.*--precision fp32"):
        enforce(report(**changes))


def test_values_that_are_not_finite_are_refused() -> None:
    bad = dataclasses.replace(report(), graph_to_torch=dataclasses.replace(EQUAL, nan_count=3))
    with pytest.raises(ParityError, match="3 values not finite"):
        enforce(bad)


def test_a_generator_that_makes_no_numbers_is_refused_in_float32_too(packed: PackedGenerator, tmp_path: Path) -> None:
    generator = copy.deepcopy(packed.generator)
    with torch.no_grad():
        next(generator.get_submodule("vae.decoder.conv_out").parameters()).fill_(math.nan)
    spoilt = PackedGenerator(generator, packed.card, packed.base)
    with pytest.raises(ParityError, match=r"6144 values not finite.*Its weights are damaged or too large"):
        export_bundle(spoilt, tmp_path / "b", options=ExportOptions(size=SIZE, precision="fp32", parity_frame_count=1))
    assert not (tmp_path / "b").exists()


def test_a_graph_within_the_limits_passes() -> None:
    enforce(report(share_over_level=1e-3, psnr_db=45.0))
    enforce(report("fp32", max_abs=1, psnr_db=60.0))


def test_one_byte_off_by_two_is_too_much_in_float32() -> None:
    with pytest.raises(ParityError, match="fp32 graph is not what the generator computes"):
        enforce(report("fp32", max_abs=2, share_over_level=1e-6, psnr_db=70.0))


def test_an_infinite_ratio_is_null_in_json() -> None:
    plain = report().as_json()
    assert plain["graph_to_float32"]["psnr_db"] is None
    assert plain["frame_size"] == (64, 32)


def test_another_graph_is_found_out(packed: PackedGenerator, tmp_path: Path) -> None:
    shape = [1, SIZE.height, SIZE.width, 3]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["frame"], ["translated"])],
        "copy",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("translated", TensorProto.UINT8, shape)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), tmp_path / "g.onnx")
    module = FrameToFrame(packed.generator, packed.base.prompt_embedding("x")).eval()
    seen = check_parity(exact_samples(module, SIZE, 1), graph_path=tmp_path / "g.onnx", precision="fp32")
    assert seen.torch_to_float32 is None
    with pytest.raises(ParityError, match="largest difference"):
        enforce(seen)
