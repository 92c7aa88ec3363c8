"""8-bit graphs: what they keep, what they say, and what is refused."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from onestep.cli.int8_text import int8_plain, int8_text
from onestep.errors import InputError, NotFasterError, SettingError
from onestep.exporter import int8, parity
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.exporter.int8 import calibration_frames, look_translated, quantise_graph
from onestep.exporter.samples import Frame, Sample
from onestep.frame_size import FrameSize
from onestep.runtime.backends import onnxruntime_graph
from onestep.scenes import Scene, SceneFrame
from onestep.training.students.folder import PackedStudent, StudentCard
from onestep.training.students.generator import StudentGenerator
from onestep.training.students.network import StudentNetwork, StudentShape
from tests.runtime.bundles import make_bundle
from tests.training.test_checkpoint_merge import merged, paired_once

SIZE = FrameSize(64, 48)


@pytest.fixture(scope="module")
def student() -> PackedStudent:
    """A student that brightens a little. Not to be changed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        shape = StudentShape(widths=(16, 16), down_blocks=(0, 1), up_blocks=(1,))
        network = StudentNetwork.of_shape(shape).eval()
    card = StudentCard("day2night", "a2b", "night", "tiny-student", "MIT", "MIT", (64, 48), "nothing")
    return PackedStudent(StudentGenerator(network.requires_grad_(False)).eval(), card)


@pytest.fixture
def always_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs of a test are too small for a fair time."""
    monkeypatch.setattr(int8, "_median_ms", lambda graphs, frame: [2.0, 1.0])
    monkeypatch.setattr(int8, "CALIBRATION_FRAMES", 4)


def test_calibration_is_for_int8() -> None:
    with pytest.raises(SettingError, match="Calibration is for int8, and the precision is fp32"):
        ExportOptions(calibration=Path("pictures"))


def test_a_calibration_folder_needs_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No picture was found"):
        calibration_frames(tmp_path, SIZE, condition="day")
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    with pytest.raises(InputError, match="No picture was found"):
        calibration_frames(tmp_path, SIZE, condition="day")
    with pytest.raises(InputError, match="is not a folder"):
        calibration_frames(tmp_path / "notes.txt", SIZE, condition="day")
    with pytest.raises(InputError, match="needs at least one frame"):
        quantise_graph(tmp_path / "graph.onnx", [])


def test_a_bad_calibration_leaves_nothing(student: PackedStudent, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    options = ExportOptions(precision="int8", calibration=tmp_path / "empty", parity_frame_count=1)
    with pytest.raises(InputError, match="No picture was found"):
        export_bundle(student, tmp_path / "bundle", options=options)
    assert not (tmp_path / "bundle").exists()


def test_pictures_are_scaled_and_spread(tmp_path: Path) -> None:
    for index in range(40):
        Image.fromarray(np.full((20, 30, 3), index, np.uint8)).save(tmp_path / f"{index:02}.png")
    frames = calibration_frames(tmp_path, SIZE, condition="day")
    assert len(frames) == int8.CALIBRATION_FRAMES and frames[0].shape == (48, 64, 3)
    assert [int(frame.mean().round()) for frame in (frames[0], frames[-1])] == [0, 39]


@pytest.mark.parametrize(("domain", "seen"), [("night2day", "night"), ("rainy2clear", "rain"), ("mine", "day")])
def test_calibration_and_proof_see_what_the_network_will_see(
    domain: str,
    seen: str,
    student: PackedStudent,
    tmp_path: Path,
    always_faster: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rendered: list[str] = []
    render = SceneFrame.render

    def noted(frame: SceneFrame, condition: str) -> Frame:
        rendered.append(condition)
        return render(frame, condition)

    monkeypatch.setattr(SceneFrame, "render", noted)
    packed = dataclasses.replace(student, card=dataclasses.replace(student.card, domain=domain))
    export_bundle(packed, tmp_path / "bundle", options=ExportOptions(precision="int8", parity_frame_count=2))
    assert rendered == [seen] * (int8.CALIBRATION_FRAMES + 2)


def test_the_text_says_what_the_figures_mean(student: PackedStudent, tmp_path: Path, always_faster: None) -> None:
    report = export_bundle(student, tmp_path / "b", options=ExportOptions(precision="int8", parity_frame_count=2))
    assert report.int8 is not None
    others = report.parity.graph_to_float32.psnr_db
    good, bad, foreign = (
        dataclasses.replace(report.int8, psnr_db=psnr)
        for psnr in (max(others, int8.GOOD_PSNR_DB), int8.GOOD_PSNR_DB - 1, others + 10)
    )
    text = int8_text(good, report.parity)
    assert f"{others:.1f} dB on others" in text and "\n" not in text
    assert int8_plain(good, report.parity) == dataclasses.asdict(good) | {"doubts": []}
    doubts = {"below the 40 dB aimed at": bad, "give --calibration pictures like those to come": foreign}
    for said, of in doubts.items():
        assert said in int8_text(of, report.parity)
        assert any(said in doubt for doubt in int8_plain(of, report.parity)["doubts"])


def test_pictures_of_the_other_side_are_told_apart() -> None:
    """Nights for a network that sees days; a change of colour too small to tell by says nothing."""
    size = FrameSize(96, 64)
    days, nights = (
        [Scene.random(8000 + index).at(1.0, size=size).render(condition) for index in range(6)]
        for condition in ("day", "night")
    )
    samples = [Sample(day, [], exact=night, converted=night) for day, night in zip(days[:3], nights[:3], strict=True)]
    assert look_translated(nights[3:], samples)
    assert not look_translated(days[3:], samples)
    slight = [Sample(day, [], exact=day // 5 * 4, converted=day) for day in days[:3]]
    assert not look_translated([day // 5 * 4 for day in days[3:]], slight)


def test_calibration_on_the_other_side_is_doubted(
    student: PackedStudent, tmp_path: Path, always_faster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    def yes(frames: Sequence[Frame], samples: Sequence[Sample]) -> bool:
        held.extend([len(frames), len(samples)])
        return True

    monkeypatch.setattr(int8, "look_translated", yes)
    report = export_bundle(student, tmp_path / "b", options=ExportOptions(precision="int8", parity_frame_count=2))
    assert held == [4, 2], "what calibrates, and what the generator makes of other frames"
    assert report.int8 is not None
    assert any("look like results" in doubt for doubt in int8_plain(report.int8, report.parity)["doubts"])


def test_a_proof_and_a_time_are_of_what_will_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many threads, and products that do not overflow, where this processor's would."""
    told: list[int] = []
    monkeypatch.setattr(onnxruntime_graph, "usable_cores", lambda: 3)
    monkeypatch.setattr(onnxruntime_graph, "avoid_overflows", lambda options: told.append(options.intra_op_num_threads))
    graph = make_bundle(tmp_path / "b") / "generator.onnx"
    parity._graph_runner(graph)
    int8._session(str(graph))
    assert told == [3, 3]


def test_graphs_are_timed_in_turn(tmp_path: Path) -> None:
    """Nothing stands in for the clock here: a graph that does much takes longer than one that copies."""
    frame = np.zeros((32, 64, 3), np.uint8)
    slow, quick = (make_bundle(tmp_path / kind, kind=kind) / "generator.onnx" for kind in ("heavy", "copy"))
    slow_ms, quick_ms = int8._median_ms([slow, quick], frame)
    assert 0.0 < quick_ms < slow_ms
    quick_ms, slow_ms = int8._median_ms([quick, slow], frame)
    assert 0.0 < quick_ms < slow_ms


def test_int8_is_not_for_weights_that_one_file_cannot_hold(
    student: PackedStudent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onestep.exporter.export.graph_bytes", lambda generator, precision: 3_500_000_000)
    with pytest.raises(
        SettingError, match=r"take 3\.5 GB in float32, and int8 is for at most 2\.1 GB.*onestep distill"
    ):
        export_bundle(student, tmp_path / "bundle", options=ExportOptions(precision="int8"))
    assert not (tmp_path / "bundle").exists()


def test_int8_is_for_generators_that_take_a_frame_alone(tmp_path: Path) -> None:
    packed = merged(paired_once(16, stochastic=True).save(tmp_path / "sketch.pkl"), dtype=torch.float32)
    with pytest.raises(SettingError, match="takes a noise and a strength beside the frame"):
        export_bundle(packed, tmp_path / "bundle", options=ExportOptions(precision="int8"))
    assert not (tmp_path / "bundle").exists()


def test_an_int8_bundle(student: PackedStudent, tmp_path: Path, always_faster: None) -> None:
    options = ExportOptions(precision="int8", parity_frame_count=2)
    report = export_bundle(student, tmp_path / "bundle", options=options)
    assert report.int8 is not None and report.manifest.precision == "int8"
    assert report.parity.graph_to_float32.psnr_db > 35
    graph = onnx.load(tmp_path / "bundle" / "generator.onnx").graph
    weights = {init.name: init.data_type for init in graph.initializer}
    sources = {node.output[0]: node for node in graph.node}
    floats = [node.name for node in graph.node if node.op_type == "Conv" and _weight(node, sources, weights) == "float"]
    assert set(floats) == set(report.int8.in_float32)
    assert len(floats) < report.int8.convolutions


def _weight(node: onnx.NodeProto, sources: dict[str, onnx.NodeProto], weights: dict[str, int]) -> str:
    if node.input[1] in weights:
        return "float"
    assert sources[node.input[1]].op_type == "DequantizeLinear"
    return "int8"


def test_what_is_slower_is_not_kept(student: PackedStudent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "_median_ms", lambda graphs, frame: [1.0, 1.5])
    options = ExportOptions(precision="int8", parity_frame_count=1)
    with pytest.raises(NotFasterError, match="not faster on this machine: 1.5 ms a frame, float32 takes 1.0 ms"):
        export_bundle(student, tmp_path / "bundle", options=options)
    assert not (tmp_path / "bundle").exists()


def test_layers_that_lose_most_stay_float(
    student: PackedStudent, tmp_path: Path, always_faster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a demand that 8 bits cannot meet, each round takes more convolutions out."""
    monkeypatch.setattr(int8, "GOOD_PSNR_DB", 1000.0)
    report = export_bundle(student, tmp_path / "bundle", options=ExportOptions(precision="int8", parity_frame_count=1))
    assert report.int8 is not None and len(report.int8.in_float32) == 2 + (int8.ROUNDS - 1)
