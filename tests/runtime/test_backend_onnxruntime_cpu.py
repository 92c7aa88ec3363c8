"""The processor's engine: one frame with all threads, or two at a time where frames per second are the aim."""

from pathlib import Path
from threading import Barrier, Event, Thread, current_thread
from typing import Any

import onnxruntime
import pytest

from onestep.bundle import Bundle, open_bundle
from onestep.errors import BackendError, UnknownNameError
from onestep.frame_size import FrameSize
from onestep.runtime.backends import onnxruntime_cpu
from onestep.runtime.backends.onnxruntime_cpu import OnnxRuntimeCpuEngine, open_engine
from onestep.runtime.backends.options import Aim, EngineOptions
from onestep.runtime.session import SessionOptions
from onestep.runtime.slots import Slot
from tests.patience import PATIENCE_SECONDS
from tests.runtime.bundles import SMALL, make_bundle


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


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Let frames begin to be computed only when the event has come."""
    translate, begin = OnnxRuntimeCpuEngine._translate, Event()

    def held(engine: OnnxRuntimeCpuEngine, session: Any, slot: Any) -> None:
        assert begin.wait(PATIENCE_SECONDS)
        translate(engine, session, slot)

    monkeypatch.setattr(OnnxRuntimeCpuEngine, "_translate", held)
    return begin


def filled(engine: OnnxRuntimeCpuEngine, level: int) -> Slot:
    slot = engine.new_slot()
    slot.input[:] = level
    return slot


def test_large_graphs_and_sizes_run_one_frame_at_a_time(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    options = EngineOptions(threads=2, aim="throughput")
    assert onnxruntime_cpu.frames_at_a_time(bundle, FrameSize(1024, 512), options) == 2
    assert onnxruntime_cpu.frames_at_a_time(bundle, FrameSize(1024, 544), options) == 1
    monkeypatch.setattr(onnxruntime_cpu, "LARGEST_GRAPH_BYTES", bundle.weight_bytes - 1)
    assert opened(bundle, "throughput").depth == 1


def test_an_unknown_aim_lists_the_known() -> None:
    unknown: Any = "speed"
    with pytest.raises(UnknownNameError, match="latency"):
        EngineOptions(aim=unknown)
    with pytest.raises(UnknownNameError, match="latency"):
        SessionOptions(bundle="nothing is opened", aim=unknown)


def test_two_frames_are_computed_at_the_same_time(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    both, names = Barrier(2, timeout=PATIENCE_SECONDS), set[str]()
    translate = OnnxRuntimeCpuEngine._translate

    def meets_the_other(engine: OnnxRuntimeCpuEngine, session: Any, slot: Any) -> None:
        both.wait()
        names.add(current_thread().name)
        translate(engine, session, slot)

    monkeypatch.setattr(OnnxRuntimeCpuEngine, "_translate", meets_the_other)
    engine = opened(bundle, "throughput")
    slots = [filled(engine, level) for level in (10, 200)]
    for slot in slots:
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


def test_closing_waits_for_what_was_submitted_and_takes_nothing_more(bundle: Bundle, release: Event) -> None:
    engine = opened(bundle, "throughput")
    slots = [filled(engine, level) for level in (10, 200)]
    for slot in slots:
        engine.submit(slot)
    closing = Thread(target=engine.close)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive(), "two frames are still to be computed"
    with pytest.raises(BackendError, match="closed"):
        engine.submit(slots[0])
    release.set()
    closing.join(PATIENCE_SECONDS)
    assert [int(slot.output.max()) for slot in slots] == [245, 55]


def test_a_frame_that_was_given_up_is_finished_before_its_slot_is_used_again(bundle: Bundle, release: Event) -> None:
    engine = opened(bundle, "throughput")
    slot = filled(engine, 10)
    engine.submit(slot)
    again = Thread(target=engine.submit, args=(slot,))
    again.start()
    again.join(0.1)
    assert again.is_alive(), "the first is still to be computed"
    release.set()
    again.join(PATIENCE_SECONDS)
    engine.wait(slot)
    assert (slot.output == 245).all()
    engine.close()


def test_a_thread_that_cannot_be_started_is_told(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    engine = opened(bundle, "throughput")
    slot = engine.new_slot()
    with monkeypatch.context() as patch, pytest.raises(BackendError, match="No thread could be started .*can't start"):
        patch.setattr(Thread, "start", refused)
        engine.submit(slot)
    engine.close()
