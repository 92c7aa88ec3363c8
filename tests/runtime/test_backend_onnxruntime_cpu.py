"""The processor's engine: one frame with all threads, or two at a time where frames per second are the aim."""

from pathlib import Path
from threading import Barrier, current_thread
from typing import Any

import numpy as np
import onnxruntime
import pytest

from onestep.bundle import Bundle, open_bundle
from onestep.errors import BackendError
from onestep.runtime.backends import onnxruntime_cpu
from onestep.runtime.backends.onnxruntime_cpu import OnnxRuntimeCpuEngine, open_engine
from onestep.runtime.backends.options import Aim, EngineOptions
from tests.runtime.bundles import SMALL, make_bundle

SECONDS = 20.0


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return open_bundle(make_bundle(tmp_path / "b"))


def opened(bundle: Bundle, aim: Aim, threads: int = 2) -> OnnxRuntimeCpuEngine:
    return open_engine(bundle, SMALL, EngineOptions(threads=threads, aim=aim))


@pytest.mark.parametrize(
    ("aim", "threads", "at_a_time", "of_the_library"),
    [("latency", 2, 1, 2), ("throughput", 1, 1, 1), ("throughput", 2, 2, 1), ("throughput", 6, 2, 5)],
)
def test_the_threads_that_were_asked_for_are_used_and_no_more(
    aim: Aim, threads: int, at_a_time: int, of_the_library: int, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    make = onnxruntime.InferenceSession

    def noted(path: Path, options: Any, **settings: Any) -> Any:
        asked.append(options.intra_op_num_threads)
        return make(path, options, **settings)

    monkeypatch.setattr(onnxruntime, "InferenceSession", noted)
    engine = opened(bundle, aim, threads)
    assert engine.depth == at_a_time
    assert asked == [of_the_library], "the threads that call the library work, too"
    engine.close()


def test_large_graphs_run_one_frame_at_a_time(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime_cpu, "SMALL_GRAPH_BYTES", bundle.weight_bytes - 1)
    assert opened(bundle, "throughput").depth == 1


def test_two_frames_are_computed_at_the_same_time(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    both, names = Barrier(2, timeout=SECONDS), set[str]()
    translate = OnnxRuntimeCpuEngine._translate

    def meets_the_other(engine: OnnxRuntimeCpuEngine, session: Any, slot: Any) -> None:
        both.wait()
        names.add(current_thread().name)
        translate(engine, session, slot)

    monkeypatch.setattr(OnnxRuntimeCpuEngine, "_translate", meets_the_other)
    engine = opened(bundle, "throughput")
    slots = [engine.new_slot() for _ in range(2)]
    for level, slot in zip((10, 200), slots, strict=True):
        slot.input[:] = level
        engine.submit(slot)
    for level, slot in zip((10, 200), slots, strict=True):
        engine.wait(slot)
        assert (slot.output == 255 - level).all()
    assert len(names) == 2
    engine.close()


@pytest.mark.parametrize("aim", ["latency", "throughput"])
def test_what_fails_is_told_with_the_graphs_name(aim: Aim, bundle: Bundle) -> None:
    engine = opened(bundle, aim)
    slot: Any = engine.new_slot()
    slot.binding.clear_binding_inputs()
    with pytest.raises(BackendError, match="ONNX Runtime failed to run .*generator"):
        engine.submit(slot)
        engine.wait(slot)
    engine.close()
    with pytest.raises(BackendError, match="closed"):
        engine.submit(slot)


def test_closing_waits_for_what_was_submitted(bundle: Bundle) -> None:
    engine = opened(bundle, "throughput")
    slots = [engine.new_slot() for _ in range(2)]
    for slot in slots:
        engine.submit(slot)
    engine.close()
    assert all(np.all(slot.output == 255) for slot in slots)
