"""The pipeline under chosen interleavings: nothing lost, nothing out of order, nothing left behind."""

import _thread
import threading
import traceback
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onestep.runtime.pipeline import Outcome, Pipeline
from tests.runtime.stages import (
    AddingEngine,
    CountingSource,
    Pace,
    PlannedError,
    RememberingSink,
    fails_at,
    no_pause,
    pauses,
)

Stage = Literal["read", "translate", "write"]
STAGES: tuple[Stage, ...] = ("read", "translate", "write")

paces = st.lists(st.sampled_from([0.0, 0.0, 0.1, 1.0]), min_size=1, max_size=4).map(pauses)


def _pipeline(
    count: int,
    *,
    slots: int = 4,
    depth: int = 1,
    newest_wins: bool = False,
    **paces_by_stage: Pace,
) -> tuple[Pipeline, RememberingSink]:
    engine = AddingEngine(depth, paces_by_stage.get("translate", no_pause))
    sink = RememberingSink(paces_by_stage.get("write", no_pause))
    source = CountingSource(count, paces_by_stage.get("read", no_pause))
    memory = [engine.new_slot() for _ in range(slots)]
    return Pipeline(source, engine, sink, memory, newest_wins=newest_wins), sink


def _assert_nothing_left(pipeline: Pipeline, slots: int) -> None:
    assert len(pipeline.ring.free) == slots
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("onestep-")]


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 30), slots=st.integers(1, 5), depth=st.integers(1, 3), read=paces, translate=paces, write=paces
)
def test_every_frame_comes_out_once_and_in_order(
    count: int, slots: int, depth: int, read: Pace, translate: Pace, write: Pace
) -> None:
    pipeline, sink = _pipeline(count, slots=slots, depth=depth, read=read, translate=translate, write=write)
    outcome = pipeline.run()
    assert sink.taken == list(range(count))
    assert (outcome.read, outcome.written, outcome.dropped) == (count, count, 0)
    assert outcome.latencies.count == count
    _assert_nothing_left(pipeline, slots)


@settings(max_examples=60, deadline=None)
@given(
    failing=st.sampled_from(STAGES),
    frame=st.integers(0, 12),
    slots=st.integers(1, 5),
    depth=st.integers(1, 3),
    pace=paces,
)
def test_an_error_in_any_stage_stops_all(failing: Stage, frame: int, slots: int, depth: int, pace: Pace) -> None:
    plan = {stage: fails_at(frame) if stage == failing else pace for stage in STAGES}
    pipeline, sink = _pipeline(
        20, slots=slots, depth=depth, read=plan["read"], translate=plan["translate"], write=plan["write"]
    )
    with pytest.raises(PlannedError, match=f"frame {frame}"):
        pipeline.run()
    assert sink.taken == list(range(len(sink.taken)))
    _assert_nothing_left(pipeline, slots)


def test_the_error_keeps_the_traceback_of_its_stage() -> None:
    pipeline, _ = _pipeline(5, translate=fails_at(2))
    with pytest.raises(PlannedError) as caught:
        pipeline.run()
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert {"run", "_translate", "wait"} <= set(frames)


@settings(max_examples=30, deadline=None)
@given(slots=st.integers(3, 5), read=paces, translate=paces, write=paces)
def test_newest_wins_drops_and_counts_and_keeps_the_order(slots: int, read: Pace, translate: Pace, write: Pace) -> None:
    pipeline, sink = _pipeline(25, slots=slots, newest_wins=True, read=read, translate=translate, write=write)
    outcome = pipeline.run()
    assert outcome.read == 25
    assert outcome.written + outcome.dropped == 25
    assert sink.taken == sorted(set(sink.taken))
    assert sink.taken[-1] == 24
    _assert_nothing_left(pipeline, slots)


def test_slow_engine_makes_a_live_source_drop() -> None:
    pipeline, _ = _pipeline(40, newest_wins=True, read=pauses([0.5]), translate=pauses([5.0]))
    assert pipeline.run().dropped > 10


def test_depth_of_two_overlaps_and_one_does_not() -> None:
    for depth in (1, 2):
        engine, sink = AddingEngine(depth, pauses([2.0])), RememberingSink()
        Pipeline(CountingSource(10), engine, sink, [engine.new_slot() for _ in range(4)]).run()
        assert engine.deepest == depth


def test_one_frame_at_a_time_does_not_wait_for_a_second() -> None:
    """With a depth of two a finished frame is passed on even if no other comes to push it."""
    written = threading.Event()

    def waits_for_the_one_before(frame: int) -> None:
        assert frame == 0 or written.wait(5)

    class Sink(RememberingSink):
        def take(self, slot: object) -> None:
            super().take(slot)  # type: ignore[arg-type]
            written.set()

    engine = AddingEngine(2)
    sink = Sink()
    Pipeline(CountingSource(2, waits_for_the_one_before), engine, sink, [engine.new_slot() for _ in range(4)]).run()
    assert sink.taken == [0, 1]


def test_interrupt_finishes_the_frames_in_flight() -> None:
    pipeline, sink = _pipeline(10_000, read=pauses([1.0]), translate=pauses([2.0]))

    def interrupt_at_five(outcome: Outcome) -> None:
        if outcome.written >= 5 and not outcome.interrupted:
            _thread.interrupt_main()

    outcome = pipeline.run(interrupt_at_five)
    assert outcome.interrupted
    assert 5 <= outcome.written == outcome.read < 100
    assert sink.taken == list(range(outcome.written))
    _assert_nothing_left(pipeline, 4)


def test_second_interrupt_gives_up() -> None:
    pipeline, _ = _pipeline(10_000, read=pauses([1.0]), write=pauses([2.0]))

    def interrupt_always(_: Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.run(interrupt_always)
    _assert_nothing_left(pipeline, 4)


def test_error_in_on_progress_surfaces() -> None:
    pipeline, _ = _pipeline(1000, read=pauses([0.1]))

    def fail(_: Outcome) -> None:
        raise PlannedError("progress")

    with pytest.raises(PlannedError, match="progress"):
        pipeline.run(fail)
    _assert_nothing_left(pipeline, 4)


def test_outcome_times_are_consistent() -> None:
    outcome = _pipeline(10, translate=pauses([3.0]))[0].run()
    assert 0 < outcome.first_frame_seconds <= outcome.seconds
    assert 0.03 <= outcome.engine_seconds <= outcome.seconds
    assert outcome.latencies.percentile(50) >= 3.0
