"""Frames through a GPU, on a stand-in for CUDA: order, capture, errors, and that nothing is left behind."""

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from onestep.errors import BackendError
from onestep.frame_size import FrameSize
from onestep.runtime.cuda.calls import Cuda
from onestep.runtime.cuda.frame_engine import GpuFrameEngine
from onestep.runtime.cuda.pinned import pinned_frame
from onestep.runtime.cuda.resources import CudaResources
from onestep.runtime.pipeline import Pipeline
from tests.runtime.fake_cuda import FakeCudaRuntime, Status
from tests.runtime.stages import CountingSource, PlannedError, RememberingSink, fails_at

SIZE = FrameSize(4, 2)


class Adding:
    """Adds one to each byte, at once; through a captured graph like TensorRT, or not, like ONNX Runtime."""

    def __init__(self, api: FakeCudaRuntime, resources: CudaResources, *, captured: bool = True) -> None:
        self.api, self.resources, self.captured, self.closed = api, resources, captured, 0
        self.work: dict[int, Callable[[], None]] = {}

    def prepare(self, stream: Any, input_address: int, output_address: int) -> Callable[[], None]:
        def work() -> None:
            given = np.ctypeslib.as_array(self.api.memory[input_address])
            np.ctypeslib.as_array(self.api.memory[output_address])[:] = given + 1

        if not self.captured:
            return work
        graph = self.resources.captured_graph(stream, lambda: self.api.calls.append(("enqueued",)))

        def launch() -> None:
            self.resources.cuda.call("cudaGraphLaunch", graph, stream)
            work()

        return launch

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def api() -> Iterator[FakeCudaRuntime]:
    """Give a CUDA of which nothing may be left after the test."""
    fake = FakeCudaRuntime()
    yield fake
    gc.collect()
    assert fake.left() == {}


def engine_on(api: FakeCudaRuntime) -> GpuFrameEngine:
    resources = CudaResources(Cuda(api))
    return GpuFrameEngine("a bundle", SIZE, resources, lambda stream: Adding(api, resources))


def test_copies_and_computation_are_joined_by_events(api: FakeCudaRuntime) -> None:
    engine = engine_on(api)
    slot: Any = engine.new_slot()
    copy_in, compute, copy_out = engine._copy_in, engine._compute, engine._copy_out
    assert len({copy_in, compute, copy_out}) == 3
    slot.input[:] = 7
    api.calls.clear()
    engine.submit(slot)
    engine.wait(slot)
    source, result = slot.input.ctypes.data, slot.output.ctypes.data
    graph = next(arguments[0] for name, *arguments in api.calls if name == "cudaGraphLaunch")
    assert api.calls == [
        ("cudaMemcpyAsync", slot.device_input, source, 24, "in", copy_in),
        ("cudaEventRecord", slot.arrived, copy_in),
        ("cudaStreamWaitEvent", compute, slot.arrived, 0),
        ("cudaGraphLaunch", graph, compute),
        ("cudaEventRecord", slot.computed, compute),
        ("cudaStreamWaitEvent", copy_out, slot.computed, 0),
        ("cudaMemcpyAsync", result, slot.device_output, 24, "out", copy_out),
        ("cudaEventRecord", slot.done, copy_out),
        ("cudaEventSynchronize", slot.done),
    ]
    assert (slot.output == 8).all()
    engine.close()


def test_work_is_captured_once_per_slot_and_nothing_is_made_for_a_frame(api: FakeCudaRuntime) -> None:
    engine = engine_on(api)
    slots = [engine.new_slot() for _ in range(3)]
    assert api.names().count("cudaStreamBeginCapture") == 3
    modes = {arguments[1] for name, *arguments in api.calls if name == "cudaStreamBeginCapture"}
    assert modes == {api.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal}
    made = {free: len(live) for free, live in api.live.items()}
    api.calls.clear()
    for slot in slots * 5:
        engine.submit(slot)
        engine.wait(slot)
    assert {free: len(live) for free, live in api.live.items()} == made
    assert api.names().count("cudaGraphLaunch") == 15
    waits = {name for name in api.names() if name.endswith("Synchronize")}
    assert waits == {"cudaEventSynchronize"}
    engine.close()


def test_the_pipeline_keeps_two_frames_in_flight_and_their_order(api: FakeCudaRuntime) -> None:
    engine = engine_on(api)
    sink = RememberingSink()
    slots = [engine.new_slot() for _ in range(engine.depth + 3)]
    Pipeline(CountingSource(50), engine, sink, slots).run()
    assert sink.taken == list(range(50))
    engine.close()


def test_a_slot_that_was_given_back_is_handed_out_again(api: FakeCudaRuntime) -> None:
    """A session that translates one video after the other takes no more of the GPU for the second."""
    engine = engine_on(api)
    first = [engine.new_slot() for _ in range(3)]
    for slot in first:
        slot.input[:] = 1
        engine.submit(slot)
        engine.give_back(slot)
    made = {free: len(live) for free, live in api.live.items()}
    api.calls.clear()
    second = [engine.new_slot() for _ in range(3)]
    assert set(map(id, second)) == set(map(id, first))
    assert api.names() == ["cudaEventSynchronize"] * 3, "whoever gave it back may not have waited for it"
    assert {free: len(live) for free, live in api.live.items()} == made
    engine.close()


def test_the_first_slot_is_made_with_the_engine(api: FakeCudaRuntime) -> None:
    """A library that only finds out when it runs that it cannot is passed over while there is still a choice."""
    engine = engine_on(api)
    assert api.names().count("cudaStreamBeginCapture") == 1
    engine.new_slot()
    assert api.names().count("cudaStreamBeginCapture") == 1
    engine.close()


def test_a_failing_stage_leaves_nothing_on_the_gpu(api: FakeCudaRuntime) -> None:
    engine = engine_on(api)
    slots = [engine.new_slot() for _ in range(4)]
    with pytest.raises(PlannedError):
        Pipeline(CountingSource(50), engine, RememberingSink(pace=fails_at(3)), slots).run()
    engine.close()


@pytest.mark.parametrize(
    "call",
    [
        "cudaStreamCreateWithFlags",
        "cudaEventCreateWithFlags",
        "cudaMalloc",
        "cudaHostAlloc",
        "cudaStreamBeginCapture",
        "cudaStreamEndCapture",
        "cudaGraphInstantiate",
        "cudaGraphUpload",
    ],
)
def test_a_failure_while_opening_names_the_call_and_leaves_nothing(api: FakeCudaRuntime, call: str) -> None:
    api.failing[call] = Status.cudaErrorLaunchFailure
    engine = None
    with pytest.raises(BackendError, match=rf"{call}\b.* failed with cudaErrorLaunchFailure"):
        engine = engine_on(api)
        engine.new_slot()
    if engine is not None:
        engine.close()


@pytest.mark.parametrize("call", ["cudaMemcpyAsync", "cudaEventRecord", "cudaStreamWaitEvent", "cudaGraphLaunch"])
def test_a_failure_while_running_names_the_call_and_leaves_nothing(api: FakeCudaRuntime, call: str) -> None:
    engine = engine_on(api)
    slot = engine.new_slot()
    api.failing[call] = Status.cudaErrorLaunchFailure
    with pytest.raises(BackendError, match=f"{call} failed with cudaErrorLaunchFailure"):
        engine.submit(slot)
    engine.close()


def test_an_error_that_shows_only_when_waiting(api: FakeCudaRuntime) -> None:
    engine = engine_on(api)
    slot = engine.new_slot()
    engine.submit(slot)
    api.failing |= dict.fromkeys(("cudaEventSynchronize", "cudaStreamSynchronize"), Status.cudaErrorLaunchFailure)
    with pytest.raises(BackendError, match="cudaEventSynchronize failed"):
        engine.wait(slot)
    engine.close()


def test_a_computation_that_does_not_open_leaves_nothing(api: FakeCudaRuntime) -> None:
    def refuse(stream: Any) -> Any:
        raise BackendError("no such plan")

    with pytest.raises(BackendError, match="no such plan"):
        GpuFrameEngine("a bundle", SIZE, CudaResources(Cuda(api)), refuse)


def test_what_failed_is_told_and_not_that_freeing_failed_after_it(api: FakeCudaRuntime) -> None:
    """After an illegal address every later call of CUDA fails, too."""

    def refuse(stream: Any) -> Any:
        api.failing["cudaStreamDestroy"] = Status.cudaErrorLaunchFailure
        raise BackendError("no such plan")

    with pytest.raises(BackendError, match="no such plan"):
        GpuFrameEngine("a bundle", SIZE, CudaResources(Cuda(api)), refuse)
    api.live.pop("cudaStreamDestroy")


def test_a_slot_is_made_while_no_other_thread_puts_work_on_the_streams(
    api: FakeCudaRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be captured with the slot's own, or break the capture."""
    engine = engine_on(api)
    submitted = engine.new_slot()
    prepare, begun, done = engine._computation.prepare, threading.Event(), threading.Event()

    def slow(stream: Any, input_address: int, output_address: int) -> Callable[[], None]:
        begun.set()
        assert not done.wait(0.2), "the other thread got in between"
        return prepare(stream, input_address, output_address)

    def submit() -> None:
        begun.wait()
        engine.submit(submitted)
        done.set()

    monkeypatch.setattr(engine._computation, "prepare", slow)
    other = threading.Thread(target=submit)
    other.start()
    engine.new_slot()
    other.join()
    assert done.is_set()
    engine.close()


def test_a_capture_that_breaks_is_ended(api: FakeCudaRuntime) -> None:
    resources = CudaResources(Cuda(api))
    stream = resources.stream()

    def fail() -> None:
        raise BackendError("could not enqueue")

    with pytest.raises(BackendError, match="could not enqueue"):
        resources.captured_graph(stream, fail)
    assert not api.capturing
    api.live.pop("cudaGraphDestroy")
    resources.close()


def test_closing_synchronises_first_and_happens_once(api: FakeCudaRuntime) -> None:
    engine = engine_on(api)
    slot = engine.new_slot()
    engine.submit(slot)
    engine.give_back(engine.new_slot())
    api.calls.clear()
    engine.close()
    engine.close()
    assert api.names()[:3] == ["cudaStreamSynchronize"] * 3
    assert api.names().count("cudaStreamDestroy") == 3
    with pytest.raises(BackendError, match="The session on a bundle is closed"):
        engine.submit(slot)


def test_one_failing_release_does_not_keep_the_others(api: FakeCudaRuntime) -> None:
    engine = engine_on(api)
    engine.new_slot()
    api.failing["cudaEventDestroy"] = Status.cudaErrorLaunchFailure
    with pytest.raises(BackendError, match="cudaEventDestroy"):
        engine.close()
    assert set(api.left()) <= {"cudaEventDestroy", "cudaFreeHost"}
    api.live.pop("cudaEventDestroy")


def test_pinned_memory_lives_as_long_as_its_last_view(api: FakeCudaRuntime) -> None:
    frame = pinned_frame(Cuda(api), SIZE)
    assert frame.shape == (2, 4, 3) and frame.dtype == np.uint8 and not frame.any()
    view = frame[1:]
    del frame
    gc.collect()
    assert api.left() == {"cudaFreeHost": 1}
    view[:] = 3
    del view
    gc.collect()
    assert api.left() == {}


def test_a_failure_to_free_pinned_memory_is_not_raised_anywhere(api: FakeCudaRuntime) -> None:
    frame = pinned_frame(Cuda(api), SIZE)
    api.failing["cudaFreeHost"] = Status.cudaErrorLaunchFailure
    del frame
    gc.collect()
    api.live.clear()
