"""Engines built with the real TensorRT-RTX on a machine without a GPU."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from onestep.bundle import Bundle
from onestep.bundle.engine_record import ANY_GPU, EngineHost, find_engine, read_record
from onestep.errors import BackendError, EngineBuildError, SettingError
from onestep.exporter.engines.build import BuildReport, build_engine
from onestep.exporter.engines.options import BuildOptions
from onestep.frame_size import FrameSize
from onestep.runtime.cuda.calls import why_no_cuda
from onestep.training.folder import PackedGenerator
from onestep.training.students.generator import StudentGenerator
from onestep.training.students.network import StudentNetwork, StudentShape
from tests.exporter.engine_bundles import engine_bundle, narrow_sd_turbo

trt = pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install 'onestep[tensorrt-rtx]'")

SIZES = (FrameSize(96, 64), FrameSize(64, 96))
UNET_ATTENTIONS = 14


@pytest.fixture(scope="module")
def half(packed: PackedGenerator, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of the tiny base in float16, its height and width free."""
    folder = tmp_path_factory.mktemp("half") / "bundle"
    return engine_bundle(folder, packed.generator, packed.base.prompt_embedding("x"), size=SIZES[0], free=True)


@dataclass
class Told:
    """One build, and what was told while it ran."""

    report: BuildReport
    stages: list[str]
    steps: list[tuple[int, int | None]]


@pytest.fixture(scope="module")
def told(half: Bundle) -> Told:
    """Build an engine for two sizes."""
    stages: list[str] = []
    steps: list[tuple[int, int | None]] = []
    report = build_engine(
        half,
        options=BuildOptions(sizes=SIZES, optimization_level=0, workspace_mib=512, aux_streams=0),
        on_stage=stages.append,
        tell=lambda done, known: steps.append((done, known)),
    )
    return Told(report, stages, steps)


def test_an_engine_for_several_sizes_with_its_record(half: Bundle, told: Told) -> None:
    record = read_record(half.path / "engines" / "tensorrt-rtx.96x64+64x96.json", rebuild="")
    assert record == told.report.record
    assert record.profiles == ["96x64", "64x96"]
    assert (record.compute_capability, record.library_version) == (ANY_GPU, trt.__version__)
    assert record.flags["optimization_level"] == 0
    assert record.build_seconds > 0
    assert record.peak_memory_mib > 100
    assert told.report.plan.stat().st_size == record.plan_bytes
    found = find_engine(half, SIZES[1], EngineHost("tensorrt-rtx", trt.__version__, "8.9"))
    assert (found.plan, found.profile) == (told.report.plan, 1)


def test_an_engine_of_a_student_with_rain(tmp_path: Path) -> None:
    """Where the drops fall is computed in 64-bit integers, which TensorRT takes."""
    network = StudentNetwork.of_shape(StudentShape(widths=(16, 32), down_blocks=(0, 1), up_blocks=(1,)))
    student = StudentGenerator(network, streaks=1.0).eval().requires_grad_(False)
    bundle = engine_bundle(tmp_path / "rain", student, torch.zeros(1, 1, 1), size=SIZES[0], free=True)
    options = BuildOptions(sizes=SIZES, optimization_level=0, workspace_mib=512, aux_streams=0)
    record = build_engine(bundle, options=options).record
    assert record.proof["layers"]["CONVOLUTION"] == {"float16": 9}
    assert record.proof["layers"]["REDUCE"] == {"int64": 1}


def test_progress_only_grows(told: Told) -> None:
    assert told.stages == ["parsing the graph", "building for 96x64, 64x96", "proving what the engine computes in"]
    assert all(done <= (known or 0) for done, known in told.steps)
    assert [done for done, _ in told.steps] == sorted(done for done, _ in told.steps)


def test_the_proof_counts_float16_and_the_one_island(told: Told) -> None:
    proof = told.report.record.proof
    assert proof["network"]["convolution"]["float32"] == 1
    assert proof["network"]["convolution"]["float16"] > 50
    assert set(proof["network"]["matrix product"]) == {"float16"}
    assert proof["layers"]["CONVOLUTION"] == proof["network"]["convolution"]
    assert proof["fused_attention_count"] == UNET_ATTENTIONS
    assert proof["softmax_count"] == UNET_ATTENTIONS + 2, "the VAE's two attentions are three steps each"
    assert json.loads(json.dumps(proof)) == proof


def test_a_float32_graph_that_calls_itself_fp16_is_refused(packed: PackedGenerator, tmp_path: Path) -> None:
    bundle = engine_bundle(
        tmp_path / "bundle",
        packed.generator,
        packed.base.prompt_embedding("x"),
        precision="fp32",
        size=SIZES[0],
        promise={"precision": "fp16"},
    )
    with pytest.raises(EngineBuildError, match="says fp16, and 105 of 105 convolutions of the graph are float32"):
        build_engine(bundle, options=BuildOptions())
    assert not (bundle.path / "engines").exists()


def test_the_whole_sd_turbo_topology(tmp_path: Path) -> None:
    generator, prompt_embedding = narrow_sd_turbo()
    bundle = engine_bundle(tmp_path / "bundle", generator, prompt_embedding, size=FrameSize(128, 64))
    record = build_engine(bundle, options=BuildOptions()).record
    assert record.proof["network"]["convolution"]["float32"] == 1
    assert set(record.proof["network"]["matrix product"]) == {"float16"}
    assert record.proof["softmax_count"] == 2 * 16 + 2
    assert record.proof["fused_attention_count"] > 0


def test_the_whole_sd_turbo_topology_for_several_sizes(tmp_path: Path) -> None:
    generator, prompt_embedding = narrow_sd_turbo()
    sizes = (FrameSize(128, 64), FrameSize(64, 128))
    bundle = engine_bundle(tmp_path / "bundle", generator, prompt_embedding, size=FrameSize(128, 128), free=True)
    frame = bundle.manifest.inputs[0]
    assert (frame.dtype, frame.shape) == ("uint8", [1, "height", "width", 3])
    record = build_engine(bundle, options=BuildOptions(sizes=sizes, optimization_level=0)).record
    assert record.profiles == ["128x64", "64x128"]
    assert record.proof["network"]["convolution"]["float32"] == 1
    assert set(record.proof["network"]["matrix product"]) == {"float16"}
    assert record.build_seconds > 0 and record.peak_memory_mib > 100


def test_loading_without_a_driver_says_so(half: Bundle) -> None:
    if why_no_cuda() is None:
        pytest.skip("this machine has a GPU")
    from onestep.runtime.session import SessionOptions, open_session

    with pytest.raises(BackendError, match=r"^tensorrt-rtx cannot run here: no NVIDIA driver was found$"):
        open_session(SessionOptions(bundle=half, backend="tensorrt-rtx"))


def test_sizes_that_the_graph_does_not_take(half: Bundle) -> None:
    with pytest.raises(SettingError, match="multiples of 32 pixels"):
        build_engine(half, options=BuildOptions(sizes=(FrameSize(100, 64),)))


def test_an_interrupted_build_leaves_nothing(half: Bundle, tmp_path: Path) -> None:
    before = sorted(half.path.rglob("*"))

    def interrupt(done: int, known: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_engine(half, options=BuildOptions(), tell=interrupt)
    assert sorted(half.path.rglob("*")) == before
