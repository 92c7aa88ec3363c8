"""Whole runs under chosen paces and failures, on the real processor backend and on a GPU's, whose CUDA is a stand-in.

No frame is lost, none comes out of order, nothing waits for ever, and no thread, slot, memory or stream is left.
"""

import contextlib
import gc
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onestep.errors import BackendError
from onestep.runtime.backends.engine import Engine
from onestep.runtime.backends.options import Aim
from onestep.runtime.pipeline import Pipeline
from onestep.runtime.session import Session, SessionOptions, open_session
from onestep.runtime.slots import Slot
from tests.runtime.bundles import make_bundle
from tests.runtime.fake_cuda import FakeCudaRuntime
from tests.runtime.stages import CountingSource, Pace, PlannedError, RememberingSink, fails_at, no_pause, pauses
from tests.runtime.test_cuda_frame_engine import engine_on

Stage = Literal["read", "submit", "wait", "write"]
STAGES: tuple[Stage, ...] = ("read", "submit", "wait", "write")
paces = st.lists(st.sampled_from([0.0, 0.0, 0.2, 2.0]), min_size=1, max_size=4).map(pauses)


@dataclass
class PacedEngine:
    """A real engine at a chosen pace, which fails where it is told to."""

    engine: Engine
    submit_pace: Pace = no_pause
    wait_pace: Pace = no_pause
    submitted: int = 0
    waited: int = 0

    @property
    def depth(self) -> int:
        return self.engine.depth

    @property
    def frame_size(self) -> Any:
        return self.engine.frame_size

    def submit(self, slot: Slot) -> None:
        self.submit_pace(self.submitted)
        self.submitted += 1
        self.engine.submit(slot)

    def wait(self, slot: Slot) -> None:
        self.engine.wait(slot)
        self.wait_pace(self.waited)
        self.waited += 1


@dataclass
class InvertedSink:
    """Remembers the pts of what it took, after checking that the picture is the inverse of that frame's."""

    pace: Pace = no_pause
    taken: list[int] = field(default_factory=list)

    def take(self, slot: Slot) -> None:
        self.pace(len(self.taken))
        assert (slot.output == 255 - slot.pts % 251).all()
        self.taken.append(slot.pts)


@pytest.fixture(scope="module", params=get_args(Aim))
def session(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Session]:
    """Open a graph that inverts its frame on ONNX Runtime's processor backend, one frame or two at a time."""
    bundle = make_bundle(tmp_path_factory.mktemp("cpu") / "bundle")
    options = SessionOptions(bundle=bundle, backend="onnxruntime-cpu", threads=2, aim=request.param)
    with open_session(options) as opened:
        yield opened


def run(
    session: Session, count: int, slots: int, plan: dict[Stage, Pace], *, newest_wins: bool = False
) -> tuple[list[int], Pipeline, list[weakref.ref[Any]]]:
    """Run a pipeline, and return what was taken whatever happened."""
    engine = PacedEngine(session.engine, plan.get("submit", no_pause), plan.get("wait", no_pause))
    sink = InvertedSink(plan.get("write", no_pause))
    memory = [session.engine.new_slot() for _ in range(slots)]
    source = CountingSource(count, plan.get("read", no_pause))
    pipeline = Pipeline(source, engine, sink, memory, newest_wins=newest_wins)  # type: ignore[arg-type]
    with contextlib.suppress(PlannedError):
        pipeline.run()
    return sink.taken, pipeline, [weakref.ref(slot.output) for slot in memory]


def assert_nothing_left(pipeline: Pipeline, slots: int) -> None:
    assert len(pipeline.ring.free) == slots
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("onestep-")]


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 20), slots=st.integers(1, 5), read=paces, submit=paces, wait=paces, write=paces)
def test_the_processor_backend_loses_and_reorders_nothing(
    session: Session, count: int, slots: int, read: Pace, submit: Pace, wait: Pace, write: Pace
) -> None:
    taken, pipeline, _ = run(session, count, slots, {"read": read, "submit": submit, "wait": wait, "write": write})
    assert taken == list(range(count))
    assert_nothing_left(pipeline, slots)


@settings(max_examples=40, deadline=None)
@given(
    failing=st.sampled_from(STAGES), frame=st.integers(0, 12), slots=st.integers(1, 5), pace=paces, live=st.booleans()
)
def test_a_stage_that_fails_at_any_frame_leaves_the_engine_fit_for_the_next_run(
    session: Session, failing: Stage, frame: int, slots: int, pace: Pace, live: bool
) -> None:
    plan: dict[Stage, Pace] = {stage: fails_at(frame) if stage == failing else pace for stage in STAGES}
    taken, pipeline, _ = run(session, 20, slots, plan, newest_wins=live)
    assert taken == sorted(set(taken))
    if not live:
        assert taken == list(range(len(taken)))
        assert len(taken) <= frame
    assert_nothing_left(pipeline, slots)
    assert run(session, 5, slots, {})[0] == [0, 1, 2, 3, 4]


def test_a_run_leaves_no_frame_in_memory(session: Session) -> None:
    plans: tuple[dict[Stage, Pace], ...] = ({}, {"write": fails_at(3)})
    for plan in plans:
        taken, pipeline, frames = run(session, 10, 4, plan)
        assert taken
        del pipeline
        gc.collect()
        assert [frame() for frame in frames] == [None] * 4


@pytest.fixture(scope="module")
def quick_collections() -> Iterator[None]:
    """Keep what was imported until now out of the collections of garbage."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("quick_collections")
@settings(max_examples=60, deadline=None)
@given(call=st.integers(1, 400), slots=st.integers(3, 5), pace=paces)
def test_any_cuda_call_may_fail_and_nothing_is_left_on_the_gpu(call: int, slots: int, pace: Pace) -> None:
    api = FakeCudaRuntime(fails_at=call)
    sink = RememberingSink(pace)
    engine = None
    try:
        engine = engine_on(api)
        memory = [engine.new_slot() for _ in range(slots)]
        Pipeline(CountingSource(30), engine, sink, memory).run()
        assert sink.taken == list(range(30))
        assert api.counted < call
    except BackendError as err:
        assert "failed with cudaErrorLaunchFailure" in str(err)
        assert sink.taken == list(range(len(sink.taken)))
    finally:
        if engine is not None:
            engine.close()
    memory = []
    del engine
    gc.collect()
    assert api.left() == {}
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("onestep-")]


def test_output_of_the_stand_in_is_the_frames_own(session: Session) -> None:
    """The sink's check can fail: a frame of another number is another picture."""
    slot = session.engine.new_slot()
    slot.pts, slot.output[:] = 3, np.uint8(255 - 4)
    with pytest.raises(AssertionError):
        InvertedSink().take(slot)
