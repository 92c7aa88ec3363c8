"""ONNX Runtime's CUDA provider, on stand-ins: bound once per slot, and never a quiet fallback."""

import gc
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnxruntime
import pytest

from onestep.bundle import Bundle, open_bundle
from onestep.errors import BackendError
from onestep.runtime.backends import onnxruntime_cuda
from onestep.runtime.backends.onnxruntime_graph import EXACT_INT8
from onestep.runtime.backends.options import EngineOptions
from onestep.runtime.cuda.calls import Cuda
from tests.runtime.bundles import SMALL, make_bundle
from tests.runtime.fake_cuda import FakeCudaRuntime


@dataclass
class FakeOnnxRuntime:
    """The module and its session in one."""

    has_cuda: bool = True
    loaded: tuple[str, ...] = (onnxruntime_cuda.PROVIDER, "CPUExecutionProvider")
    fails: str = ""
    bound: list[tuple[Any, ...]] = field(default_factory=list)
    runs: list[dict[str, str]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    preloaded: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    __version__: str = "1.31.1"

    def preload_dlls(self, directory: str) -> None:
        sys.stdout.write("loading libraries")
        self.preloaded.append(directory)

    def get_available_providers(self) -> list[str]:
        return [onnxruntime_cuda.PROVIDER] if self.has_cuda else ["CPUExecutionProvider"]

    def SessionOptions(self) -> Any:  # the library's name
        return SimpleNamespace(add_session_config_entry=lambda *_: None)

    def RunOptions(self) -> Any:  # the library's name
        entries: dict[str, str] = {}
        return SimpleNamespace(entries=entries, add_run_config_entry=entries.__setitem__)

    def InferenceSession(self, path: Path, options: Any, providers: Any, enable_fallback: int) -> Any:  # its name
        assert enable_fallback == 0, "it would load the graph on the processor, and print to standard output"
        ((_, self.settings),) = providers
        frame, result = (
            SimpleNamespace(name=name, type="tensor(uint8)", shape=[1, 32, 64, 3]) for name in ("frame", "translated")
        )
        return SimpleNamespace(
            get_providers=lambda: list(self.loaded),
            get_inputs=lambda: [frame],
            get_outputs=lambda: [result],
            io_binding=lambda: SimpleNamespace(bind_input=self._bind, bind_output=self._bind),
            run_with_iobinding=self._run,
        )

    def _bind(self, *arguments: Any) -> None:
        self.bound.append(arguments)

    def _run(self, binding: Any, options: Any) -> None:
        self.threads.add(threading.get_ident())
        if self.fails:
            raise RuntimeError(self.fails)
        self.runs.append(options.entries)


@pytest.fixture
def api() -> Iterator[FakeCudaRuntime]:
    """Give a CUDA of which nothing may be left after the test."""
    fake = FakeCudaRuntime()
    yield fake
    gc.collect()
    assert fake.left() == {}


@pytest.fixture
def ort(api: FakeCudaRuntime, monkeypatch: pytest.MonkeyPatch) -> FakeOnnxRuntime:
    fake = FakeOnnxRuntime()
    monkeypatch.setattr(onnxruntime_cuda, "require", lambda *_, **__: fake)
    monkeypatch.setattr(onnxruntime_cuda, "open_cuda", lambda **_: Cuda(api))
    return fake


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return open_bundle(make_bundle(tmp_path / "bundle"))


def test_the_graph_is_bound_to_device_memory_and_captured_per_slot(
    bundle: Bundle, ort: FakeOnnxRuntime, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = onnxruntime_cuda.open_engine(bundle, SMALL, EngineOptions())
    slots: list[Any] = [engine.new_slot() for _ in range(2)]
    assert [(name, device, address) for name, device, _, _, _, address in ort.bound] == [
        pair
        for slot in slots
        for pair in (("frame", "cuda", slot.device_input), ("translated", "cuda", slot.device_output))
    ]
    assert ort.settings["enable_cuda_graph"] == "1"
    assert int(ort.settings["user_compute_stream"]) > 0
    for slot in slots:
        sending = threading.Thread(target=engine.submit, args=(slot,))
        sending.start()
        sending.join()
    assert ort.preloaded == [""]
    assert len(ort.threads) == 1, "a graph is captured for the thread that ran it first"
    assert [entries[onnxruntime_cuda.GRAPH_ID] for entries in ort.runs] == ["1", "2", "1", "2"]
    assert {entries[onnxruntime_cuda.NO_WAIT] for entries in ort.runs} == {"1"}
    assert capsys.readouterr().out == "", "standard output may be the video"
    engine.close()


def test_onnx_runtime_knows_the_settings_by_these_names() -> None:
    """It passes over others without a word, and each slot would replay the graph of the first."""
    (library,) = Path(onnxruntime.__file__).parent.glob("capi/onnxruntime_pybind11_state*.so")
    content = library.read_bytes()
    for name in (onnxruntime_cuda.GRAPH_ID, onnxruntime_cuda.NO_WAIT, EXACT_INT8[0]):
        assert b"\0" + name.encode() + b"\0" in content, name


@pytest.mark.parametrize(("version", "fits"), [("1.30.2", False), ("1.31.0", True), ("2.0", True)])
def test_a_version_that_cannot_replay_the_graph_is_refused(ort: FakeOnnxRuntime, version: str, fits: bool) -> None:
    ort.__version__ = version
    reason = onnxruntime_cuda.why_no_provider(ort)
    assert (reason is None) == fits
    assert fits or (reason and f"the installed onnxruntime-gpu {version} is older than 1.31" in reason)


def test_a_provider_that_did_not_load_is_an_error(bundle: Bundle, ort: FakeOnnxRuntime) -> None:
    ort.loaded = ("CPUExecutionProvider",)
    with pytest.raises(BackendError, match="did not load its CUDA provider and would run on CPUExecutionProvider"):
        onnxruntime_cuda.open_engine(bundle, SMALL, EngineOptions())


def test_the_build_without_cuda_is_named(bundle: Bundle, ort: FakeOnnxRuntime) -> None:
    ort.has_cuda = False
    with pytest.raises(BackendError, match=r"1\.31\.1 is the build without CUDA \(pip uninstall onnxruntime"):
        onnxruntime_cuda.open_engine(bundle, SMALL, EngineOptions())


def test_a_failing_run_is_an_error_of_this_project(bundle: Bundle, ort: FakeOnnxRuntime) -> None:
    ort.fails = "out of everything"
    with pytest.raises(BackendError, match="failed to run the graph on CUDA: out of everything"):
        onnxruntime_cuda.open_engine(bundle, SMALL, EngineOptions())


def test_memory_that_ran_out_is_told_in_words(bundle: Bundle, ort: FakeOnnxRuntime) -> None:
    ort.fails = "Failed to allocate memory for requested buffer of size 1048576"
    with pytest.raises(BackendError, match=r"memory ran out at 64x32: .* a buffer of 1 MiB more was refused"):
        onnxruntime_cuda.open_engine(bundle, SMALL, EngineOptions())


def test_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime_cuda, "why_no_cuda", lambda: "no NVIDIA driver was found")
    assert onnxruntime_cuda.why_not() == "no NVIDIA driver was found"
    monkeypatch.setattr(onnxruntime_cuda, "find_spec", lambda name: None)
    assert onnxruntime_cuda.why_not() == "onnxruntime-gpu is not installed (pip install 'onestep[gpu]')"
