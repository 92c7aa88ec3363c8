"""The pipeline under chosen interleavings: nothing lost, nothing out of order, nothing left behind."""

import _thread
import threading
import traceback
from threading import Event
from types import SimpleNamespace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onestep.runtime.pipeline import Outcome, Pipeline
from onestep.runtime.slots import Slot
from tests.patience import PATIENCE_SECONDS
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


@settings(max_examples=60)
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


@settings(max_examples=60)
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


@settings(max_examples=30)
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
    """The engine is at the first frame until all others were read: the last is the newest, and comes next."""
    busy, all_read = Event(), Event()

    class Source(CountingSource):
        def fill(self, slot: Slot) -> bool:
            more = super().fill(slot)
            if not more:
                all_read.set()
            return more

    def not_before_the_engine(frame: int) -> None:
        assert frame != 1 or busy.wait(PATIENCE_SECONDS)

    def slow_at_first(frame: int) -> None:
        busy.set()
        assert frame > 0 or all_read.wait(PATIENCE_SECONDS)

    engine, sink = AddingEngine(1, slow_at_first), RememberingSink()
    memory = [engine.new_slot() for _ in range(4)]
    outcome = Pipeline(Source(40, not_before_the_engine), engine, sink, memory, newest_wins=True).run()
    assert sink.taken == [0, 39]
    assert (outcome.read, outcome.written, outcome.dropped) == (40, 2, 38)


@pytest.mark.parametrize("depth", [1, 2])
def test_depth_of_two_overlaps_and_one_does_not(depth: int) -> None:
    """The engine is at the first frame until two others wait for it."""
    two_wait = Event()

    def read(frame: int) -> None:
        if frame == 3:
            two_wait.set()

    def slow_at_first(frame: int) -> None:
        assert frame > 0 or two_wait.wait(PATIENCE_SECONDS)

    engine, sink = AddingEngine(depth, slow_at_first), RememberingSink()
    Pipeline(CountingSource(10, read), engine, sink, [engine.new_slot() for _ in range(4)]).run()
    assert engine.deepest == depth
    assert sink.taken == list(range(10))


def test_one_frame_at_a_time_does_not_wait_for_a_second() -> None:
    """With a depth of two a finished frame is passed on even if no other comes to push it."""
    written = Event()

    def waits_for_the_one_before(frame: int) -> None:
        assert frame == 0 or written.wait(PATIENCE_SECONDS)

    class Sink(RememberingSink):
        def take(self, slot: Slot) -> None:
            super().take(slot)
            written.set()

    engine = AddingEngine(2)
    sink = Sink()
    Pipeline(CountingSource(2, waits_for_the_one_before), engine, sink, [engine.new_slot() for _ in range(4)]).run()
    assert sink.taken == [0, 1]


def test_interrupt_finishes_the_frames_in_flight() -> None:
    """The source has a frame that only comes when it is stopped."""

    def waits_for_the_end(frame: int) -> None:
        assert frame != 20 or source.stopped.wait(PATIENCE_SECONDS)

    source, engine, sink = CountingSource(10_000, waits_for_the_end), AddingEngine(), RememberingSink()
    pipeline = Pipeline(source, engine, sink, [engine.new_slot() for _ in range(4)])

    def interrupt_at_five(outcome: Outcome) -> None:
        if outcome.written >= 5 and not outcome.interrupted:
            _thread.interrupt_main()

    outcome = pipeline.run(interrupt_at_five)
    assert outcome.interrupted
    assert 5 <= outcome.written == outcome.read <= 21
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


def test_outcome_times_are_those_of_the_engine_where_nothing_else_takes_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the second frame begin before the first is written."""
    passed, first_written = [0.0], Event()

    def three_milliseconds(frame: int) -> None:
        assert frame == 0 or first_written.wait(PATIENCE_SECONDS)
        passed.append(passed[-1] + 0.003)

    monkeypatch.setattr("onestep.runtime.pipeline.time", SimpleNamespace(perf_counter=lambda: passed[-1]))
    outcome = _pipeline(10, translate=three_milliseconds)[0].run(lambda _: first_written.set())
    assert outcome.first_frame_seconds == pytest.approx(0.003)
    assert outcome.seconds == pytest.approx(0.03)
    assert outcome.engine_seconds == pytest.approx(0.03)
    assert [outcome.latencies.percentile(percent) for percent in (1, 100)] == pytest.approx([3.0, 3.0])
