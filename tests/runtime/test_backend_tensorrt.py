"""The TensorRT backends, on stand-ins for the library and for CUDA."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onestep.bundle import open_bundle
from onestep.errors import BackendError, EngineError, MissingExtraError
from onestep.runtime.backends import tensorrt
from onestep.runtime.backends.choose import BACKENDS, open_backend
from onestep.runtime.backends.options import EngineOptions
from onestep.runtime.backends.tensorrt_timing import frame_latencies_ms
from onestep.runtime.cuda.calls import Cuda
from onestep.tensorrt_library import LIBRARIES, TensorRtLibrary
from tests.runtime.bundles import SMALL, make_bundle
from tests.runtime.engines import put_engine
from tests.runtime.fake_cuda import MIB, FakeCudaRuntime
from tests.runtime.fake_tensorrt import FakeTensorRt, Strategy

FRAME_BYTES = SMALL.pixels * 3


@pytest.fixture
def api() -> Iterator[FakeCudaRuntime]:
    """Give a CUDA of which nothing may be left after the test."""
    fake = FakeCudaRuntime()
    yield fake
    gc.collect()
    assert fake.left() == {}


@pytest.fixture
def trt(api: FakeCudaRuntime, monkeypatch: pytest.MonkeyPatch) -> FakeTensorRt:
    """Put stand-ins in the place of both libraries and of CUDA."""
    fake = FakeTensorRt(api)
    monkeypatch.setattr(tensorrt, "open_cuda", lambda **_: Cuda(api))
    monkeypatch.setattr(TensorRtLibrary, "why_missing", lambda self: None)
    monkeypatch.setattr(TensorRtLibrary, "load", lambda self, purpose: fake)
    return fake


def opened(folder: Path, name: str = "tensorrt-rtx") -> Any:
    return tensorrt.open_engine(name, open_bundle(folder), SMALL, EngineOptions())


def test_each_slot_has_its_context_at_fixed_addresses(tmp_path: Path, trt: FakeTensorRt) -> None:
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder, profiles=["96x64", str(SMALL)])
    engine = opened(folder)
    slots = [engine.new_slot() for _ in range(3)]
    assert len(trt.contexts) == 3
    assert len({context.told["memory"] for context in trt.contexts}) == 1, "one block of scratch memory for all"
    for slot, context in zip(slots, trt.contexts, strict=True):
        assert context.told["profile"] == 1
        assert context.told["shape"] == ("frame", (1, 32, 64, 3))
        assert (context.told["frame"], context.told["translated"]) == (slot.device_input, slot.device_output)
    engine.close()


def test_rtx_captures_by_itself(tmp_path: Path, api: FakeCudaRuntime, trt: FakeTensorRt) -> None:
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder)
    engine = opened(folder)
    assert trt.config.cuda_graph_strategy is Strategy.WHOLE_GRAPH_CAPTURE
    assert trt.config.dynamic_shapes_kernel_specialization_strategy is Strategy.EAGER
    assert engine._computation._cache == "a cache", "the library's configuration only points to it"
    slot = engine.new_slot()
    engine.submit(slot)
    engine.wait(slot)
    assert "cudaStreamBeginCapture" not in api.names()
    assert trt.contexts[0].runs == 2
    engine.close()


def test_tensorrt_runs_once_and_is_then_replayed(tmp_path: Path, api: FakeCudaRuntime, trt: FakeTensorRt) -> None:
    trt.__version__ = "11.4.0.106"
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder, "tensorrt.sm89", backend="tensorrt", library_version="11.4.0.106", compute_capability="8.9")
    engine = opened(folder, "tensorrt")
    slot = engine.new_slot()
    names = api.names()
    captured = names.index("cudaStreamBeginCapture")
    assert names.index("execute_async_v3") < names.index("cudaStreamSynchronize") < captured
    assert names[captured + 1 : captured + 3] == ["execute_async_v3", "cudaStreamEndCapture"]
    for _ in range(5):
        engine.submit(slot)
        engine.wait(slot)
    assert trt.contexts[0].runs == 2, "once to warm up, once for the capture"
    assert api.names().count("cudaGraphLaunch") == 5
    assert len(frame_latencies_ms(engine, warm_up=2, count=7)) == 7
    engine.close()


def test_a_plan_that_the_library_refuses(tmp_path: Path, trt: FakeTensorRt) -> None:
    trt.loads = False
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder)
    with pytest.raises(
        BackendError, match=r"does not load the engine: The plan is of another version\. Rebuild: onestep"
    ):
        opened(folder)


def test_too_little_memory_says_what_is_needed_and_what_would_fit(tmp_path: Path, trt: FakeTensorRt) -> None:
    trt.scratch_mib = 9000
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder)
    with pytest.raises(BackendError, match=r"needs 9000 MiB for 64x32, and 8192 of 16384 MiB of the GPU's memory are"):
        opened(folder)


def test_a_plan_too_large_for_the_gpu(tmp_path: Path, trt: FakeTensorRt) -> None:
    trt.loads, trt.refusal = False, "Requested amount of GPU memory could not be allocated (OutOfMemory)"
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder)
    with pytest.raises(BackendError, match=r"plan alone takes 0 MiB, and 8192 of 16384 MiB .* are free\. End other"):
        opened(folder)


def test_a_shape_that_the_engine_does_not_take(tmp_path: Path, trt: FakeTensorRt) -> None:
    trt.takes_shape = False
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder)
    with pytest.raises(BackendError, match=r"does not take the frame as \[1, 32, 64, 3\]: it gave no reason"):
        opened(folder)


def test_an_engine_that_fails_while_running(tmp_path: Path, trt: FakeTensorRt) -> None:
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder)
    engine = opened(folder)
    slot = engine.new_slot()
    trt.runs = False
    with pytest.raises(BackendError, match="could not run the engine"):
        engine.submit(slot)
    engine.close()


def test_memory_is_given_back(tmp_path: Path, api: FakeCudaRuntime, trt: FakeTensorRt) -> None:
    folder = make_bundle(tmp_path / "bundle")
    put_engine(folder)
    engine = opened(folder)
    engine.new_slot()
    sizes = sorted(arguments[0] for name, *arguments in api.calls if name == "cudaMalloc")
    assert sizes == [FRAME_BYTES, FRAME_BYTES, 64 * MIB]
    engine.close()


def test_a_bundle_without_an_engine_is_passed_over_with_the_command(tmp_path: Path, trt: FakeTensorRt) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    with pytest.raises(EngineError, match="has no tensorrt-rtx engine. Build one: onestep build"):
        tensorrt.open_engine("tensorrt-rtx", bundle, SMALL, EngineOptions())
    backends = [backend for backend in BACKENDS if backend.name in ("tensorrt-rtx", "onnxruntime-cpu")]
    choice = open_backend("auto", bundle, SMALL, EngineOptions(), backends=backends)
    assert choice.backend == "onnxruntime-cpu"
    assert "Build one: onestep build" in choice.passed_over["tensorrt-rtx"]


def test_a_missing_library_names_the_extra_and_the_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("onestep.tensorrt_library.find_spec", lambda name: None)
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    with pytest.raises(MissingExtraError, match=r"onestep\[tensorrt\].*NVIDIA serves its wheels from its own package"):
        tensorrt.open_engine("tensorrt", bundle, SMALL, EngineOptions())
    assert tensorrt.why_not("tensorrt-rtx") == "tensorrt_rtx is not installed (pip install 'onestep[tensorrt-rtx]')"
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingExtraError, match=r"needed to fly .*onestep\[tensorrt\].*from its own package index"):
        LIBRARIES["tensorrt"].load(purpose="fly")


def test_without_a_driver_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    monkeypatch.setattr(TensorRtLibrary, "why_missing", lambda self: None)
    monkeypatch.setattr("onestep.runtime.cuda.calls.require", lambda *_, **__: FakeCudaRuntime(driver=0))
    with pytest.raises(BackendError, match="^tensorrt-rtx cannot run here: no NVIDIA driver was found$"):
        tensorrt.open_engine("tensorrt-rtx", bundle, SMALL, EngineOptions())
