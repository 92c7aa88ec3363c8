"""Refitting on a GPU, on stand-ins for the library and CUDA; and the command on a machine without one."""

import copy
import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from onestep.bundle import open_bundle
from onestep.cli.refit import _plain, _print_report
from onestep.cli.refit import refit as refit_command
from onestep.errors import BackendError, EngineBuildError, EngineError, GeneratorError, ParityError
from onestep.exporter.engines.engine_parity import enforce_engine_parity, engine_parity
from onestep.exporter.engines.refit import RefitPlan, refit_plan
from onestep.exporter.engines.refit_bundle import RefitReport, RefittedEngine, refit_bundle
from onestep.exporter.engines.refit_choice import refittable_engines
from onestep.exporter.engines.refit_gpu import InstalledGpu, installed_gpu
from onestep.runtime.cuda.calls import Cuda, why_no_cuda
from onestep.tensorrt_library import LIBRARIES, TensorRtLibrary
from onestep.training.folder import PackedGenerator
from tests.exporter.engine_bundles import engine_bundle
from tests.exporter.test_engines_refit import model
from tests.exporter.test_engines_refit_bundle import REFITTABLE, tree
from tests.runtime.bundles import SMALL, make_bundle
from tests.runtime.engines import PLAN, engine_record, put_engine
from tests.runtime.fake_cuda import FakeCudaRuntime
from tests.runtime.fake_tensorrt import FakeTensorRt, Logger, Severity

WANTED = RefitPlan(("w1", "w2"), 32)


@dataclass
class RefittingLibrary:
    """The module, its runtime, its engine and its refitter in one."""

    loads: bool = True
    refittable: bool = True
    takes: bool = True
    refits: bool = True
    missing: list[str] = field(default_factory=list)
    host_code: bool | None = None
    logger: Any = None
    parsed: bytes = b""
    ILogger: Any = Logger
    SerializationFlag: Any = field(
        default_factory=lambda: SimpleNamespace(EXCLUDE_WEIGHTS="no weights", INCLUDE_REFIT="again")
    )
    flags: list[str] = field(default_factory=lambda: ["no weights"])

    def Runtime(self, logger: Any) -> Any:  # the library's name
        self.logger = logger
        self.runtime = SimpleNamespace(deserialize_cuda_engine=self._engine, engine_host_code_allowed=None)
        return self.runtime

    def _engine(self, plan: bytes) -> Any:
        assert plan == PLAN
        return (
            SimpleNamespace(
                refittable=self.refittable,
                create_serialization_config=lambda: SimpleNamespace(
                    clear_flag=self.flags.remove, set_flag=self.flags.append
                ),
                serialize_with_config=lambda config: b"new plan",
            )
            if self.loads
            else None
        )

    def Refitter(self, engine: Any, logger: Any) -> Any:  # the library's name
        return SimpleNamespace(get_missing_weights=lambda: self.missing, refit_cuda_engine=lambda: self.refits)

    def OnnxParserRefitter(self, refitter: Any, logger: Any) -> Any:  # the library's name
        return SimpleNamespace(refit_from_bytes=self._refit)

    def _refit(self, content: bytes, path: str) -> bool:
        self.parsed = content
        if not self.takes:
            self.logger.log(Severity.ERROR, "w2 has another count")
        return self.takes


@pytest.fixture
def given(tmp_path: Path) -> Path:
    onnx.save(model(), str(tmp_path / "given.onnx"))
    return tmp_path / "given.onnx"


def on(library: RefittingLibrary, given: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> bytes:
    monkeypatch.setattr(TensorRtLibrary, "load", lambda self, purpose: library)
    return refit_plan(LIBRARIES["tensorrt"], PLAN, given, WANTED, **options)


def test_the_whole_new_graph_is_given(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = RefittingLibrary()
    assert on(library, given, monkeypatch, trusted_host_code=True) == b"new plan"
    names = [tensor.name for tensor in onnx.load_from_string(library.parsed).graph.initializer]
    assert names == ["w1", "w2"]
    assert library.runtime.engine_host_code_allowed is True
    assert library.flags == ["again"], "with its weights, and to be refitted again"
    older = RefittingLibrary(SerializationFlag=SimpleNamespace(EXCLUDE_WEIGHTS="no weights"))
    assert on(older, given, monkeypatch) == b"new plan"
    assert older.flags == []


@pytest.mark.parametrize(
    ("library", "message"),
    [
        (RefittingLibrary(loads=False), "cannot be replaced: it was built without --refittable"),
        (RefittingLibrary(refittable=False), "cannot be replaced: it was built without --refittable"),
        (RefittingLibrary(takes=False), r"Of 2 weights 0 were not replaced \(\); w2 has another count"),
        (RefittingLibrary(missing=["w2"]), r"Of 2 weights 1 were not replaced \(w2\); the library gave no reason"),
        (RefittingLibrary(refits=False), "Of 2 weights 0 were not replaced"),
    ],
)
def test_weights_that_do_not_go_in(
    given: Path, library: RefittingLibrary, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineBuildError, match=message):
        on(library, given, monkeypatch)


@pytest.fixture
def api() -> Iterator[FakeCudaRuntime]:
    """Give a CUDA of which nothing may be left after the test."""
    fake = FakeCudaRuntime()
    yield fake
    gc.collect()
    assert fake.left() == {}


def test_an_engine_of_another_machine_is_refused(
    tmp_path: Path, api: FakeCudaRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TensorRtLibrary, "load", lambda self, purpose: FakeTensorRt(api))
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder, "tensorrt.sm86", **REFITTABLE, backend="tensorrt", compute_capability="8.6", gpu="RTX 3090")
    bundle = open_bundle(folder)
    (engine,) = refittable_engines(bundle)
    with pytest.raises(
        EngineError, match=r"cannot be replaced on this machine: .* 8\.6 \(RTX 3090\), and this GPU has 8.9"
    ):
        InstalledGpu(Cuda(api)).check(engine, bundle)
    put_engine(folder, "tensorrt.sm86", **REFITTABLE, backend="tensorrt", compute_capability="8.9")
    (engine,) = refittable_engines(bundle)
    InstalledGpu(Cuda(api)).check(engine, bundle)


def test_an_engine_runs_frame_by_frame_and_is_freed(
    tmp_path: Path, api: FakeCudaRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    trt = FakeTensorRt(api)
    monkeypatch.setattr(TensorRtLibrary, "load", lambda self, purpose: trt)
    folder = make_bundle(tmp_path / "bundle")
    record = engine_record(folder, profiles=["96x64", str(SMALL)])
    with InstalledGpu(Cuda(api)).running(record, PLAN, open_bundle(folder), SMALL) as run:
        result = run(np.full((SMALL.height, SMALL.width, 3), 7, np.uint8))
    assert result.shape == (SMALL.height, SMALL.width, 3)
    assert trt.contexts[0].told["profile"] == 1
    assert api.left() == {"cudaFreeHost": 2} or api.left() == {}


def test_parity_of_an_engine_counts_against_the_graph(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    options: dict[str, Any] = {"graph_path": bundle.graph_path, "precision": "fp16", "size": SMALL, "count": 2}
    enforce_engine_parity(engine_parity(lambda frame: 255 - frame, **options), name="x.plan")
    off = engine_parity(lambda frame: np.clip(255.0 - frame + 7, 0, 255).astype(np.uint8), **options)
    assert off.graph_to_float32.max_abs == 7
    with pytest.raises(
        ParityError, match=r"x\.plan does not compute .* off by more than 6 levels .* largest difference 7"
    ):
        enforce_engine_parity(off, name="x.plan")


@pytest.fixture(scope="module")
def half(packed: PackedGenerator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one size in float16 whose engine says that it can be refitted."""
    folder = tmp_path_factory.mktemp("refit") / "bundle"
    engine_bundle(folder, packed.generator, packed.base.prompt_embedding("x"), size=SMALL)
    put_engine(folder, **REFITTABLE)
    return folder


def with_other_loras(packed: PackedGenerator) -> PackedGenerator:
    """Copy a generator with other matrices and kernels, as other LoRAs would leave it; biases and norms stay."""
    other = copy.deepcopy(packed)
    with torch.no_grad():
        for parameter in other.generator.parameters():
            if parameter.ndim > 1:
                parameter.add_(0.1 * parameter.std() * torch.randn_like(parameter))
    return other


def test_all_weights_of_another_generator_match_and_without_a_gpu_nothing_changes(
    half: Path, packed: PackedGenerator
) -> None:
    """Both are exported by the real exporter."""
    if why_no_cuda() is None:
        pytest.skip("this machine has a GPU")
    before = tree(half.parent)
    with pytest.raises(BackendError, match=r"weights fit: (\d+) of \1 matched .*no NVIDIA driver was found") as caught:
        refit_bundle(
            open_bundle(half),
            lambda: with_other_loras(packed),
            open_gpu=installed_gpu,
            parity_frame_count=1,
        )
    names = len(onnx.load(str(half / "generator.onnx"), load_external_data=False).graph.initializer)
    assert f"The new weights fit: {names} of {names} matched" in str(caught.value)
    assert tree(half.parent) == before


def test_a_generator_that_is_none(half: Path, tmp_path: Path) -> None:
    before = tree(half.parent)
    with pytest.raises(GeneratorError, match="nowhere"):
        refit_command(half, generator=tmp_path / "nowhere")
    assert tree(half.parent) == before


def test_the_command_prints_what_was_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    parity = engine_parity(
        lambda frame: 254 - frame, graph_path=bundle.graph_path, precision="fp32", size=SMALL, count=1
    )
    engine = RefittedEngine(engine_record(bundle.path), [parity])
    report = RefitReport(bundle.path, bundle.manifest, WANTED, [engine])
    _print_report(report)
    shown = capsys.readouterr().out
    assert shown.startswith("2 weights, 32 parameters replaced\n")
    assert "tensorrt-rtx.plan at 64x32: largest difference from the graph" in shown
    assert _plain(report)["engines"][0]["parity"][0]["frame_count"] == 1
