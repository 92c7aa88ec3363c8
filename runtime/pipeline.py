"""Three stages, each in its own thread, joined by the ring of slots: read, translate, write.

The pipeline knows nothing of video: a source fills slots, an engine translates them, a sink takes what came out. It
keeps the order, allocates nothing for a frame, never polls, and ends in one of four ways:

- the source has no more frames: every frame that was read is written;
- the caller's thread is interrupted (Ctrl-C): no more is read, what was read is written, and the outcome says so;
- a stage raises: the others stop, waiting frames are given up, the error is raised in the caller with its traceback;
- `on_progress` raises, or a second interrupt comes: the same.

In every case all threads have ended when `run` returns, and all slots are free.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Protocol

from onestep.runtime.backends.engine import Engine
from onestep.runtime.latency import LatencyHistogram
from onestep.runtime.priority import let_others_go_first
from onestep.runtime.slots import Ring, Slot


class Source(Protocol):
    """Where frames come from. Used by one thread; `stop` may come from another."""

    def fill(self, slot: Slot) -> bool:
        """Put the next frame into `slot.input` and its time into `slot.pts`; False when there is none."""

    def stop(self) -> None:
        """Make a `fill` that waits for a frame to arrive return soon."""


class Sink(Protocol):
    """Where frames go. Used by one thread."""

    def take(self, slot: Slot) -> None:
        """Write `slot.output`, whose time is `slot.pts`. The slot is used again after the return."""


@dataclass
class Outcome:
    """What a run did, up to now."""

    read: int = 0
    """Frames that the source gave."""
    written: int = 0
    """Frames that the sink took."""
    dropped: int = 0
    """Frames that were read and replaced by newer ones before the engine took them."""
    seconds: float = 0.0
    """From the start to the last frame written."""
    first_frame_seconds: float = 0.0
    """From the start to the first frame written."""
    engine_seconds: float = 0.0
    """Time in which the engine had at least one frame to work on."""
    interrupted: bool = False
    latencies: LatencyHistogram = field(default_factory=LatencyHistogram)
    """From handing a frame to the engine to its result."""


class Pipeline:
    """One run from a source through an engine to a sink.

    Args:
        source: Gives frames.
        engine: Translates them; made the slots.
        sink: Takes them.
        slots: All the memory the run uses. With a depth of one, three keep all stages busy and a fourth evens out.
        newest_wins: A frame that still waits for the engine is replaced by a newer one. For live sources.
    """

    def __init__(
        self, source: Source, engine: Engine, sink: Sink, slots: Sequence[Slot], *, newest_wins: bool = False
    ) -> None:
        self.ring = Ring(slots, newest_wins=newest_wins)
        self._source, self._engine, self._sink = source, engine, sink
        self._outcome = Outcome()
        self._error: BaseException | None = None
        self._news = Condition()
        self._stages_left = 3
        self._start = self._busy_since = 0.0

    def run(self, on_progress: Callable[[Outcome], None] | None = None) -> Outcome:
        """Run to the end and return what was done. Call once.

        Args:
            on_progress: Called in this thread after frames were written; calls that it is too slow for are left out.

        Raises:
            BaseException: Whatever a stage or `on_progress` raised first.
        """
        threads = [
            Thread(target=self._run_stage, args=(stage,), name=f"onestep-{name}", daemon=True)
            for name, stage in (("read", self._read), ("translate", self._translate), ("write", self._write))
        ]
        self._start = time.perf_counter()
        try:
            for thread in threads:
                thread.start()
            self._watch_until_interrupted(on_progress)
        finally:
            self._abort()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
            self.ring.abort()
        self._raise_error()
        return self._outcome

    def _raise_error(self) -> None:
        """Raise what a stage raised, and keep no cycle of error, traceback and slots alive."""
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error

    def _watch_until_interrupted(self, on_progress: Callable[[Outcome], None] | None) -> None:
        try:
            self._watch(on_progress)
        except KeyboardInterrupt:
            self._outcome.interrupted = True
            self.ring.stop_reading()
            self._source.stop()
            self._watch(on_progress)

    def _watch(self, on_progress: Callable[[Outcome], None] | None) -> None:
        """Wait until every stage has ended, and tell of progress on the way.

        The threads are not joined here: a join that Ctrl-C breaks off leaves the thread marked as ended (Python 3.11).
        """
        told = 0
        while True:
            with self._news:
                while self._stages_left and self._outcome.written == told:
                    self._news.wait()
                running, written = self._stages_left, self._outcome.written
            if on_progress is not None and written != told:
                on_progress(self._outcome)
            told = written
            if not running:
                return

    def _run_stage(self, stage: Callable[[], None]) -> None:
        try:
            stage()
        except BaseException as err:
            with self._news:
                self._error = self._error or err
            self._abort()
        finally:
            with self._news:
                self._stages_left -= 1
                self._news.notify()

    def _abort(self) -> None:
        """Stop all stages without waiting for them. After a normal end there is nothing left to stop."""
        if self._stages_left:
            self.ring.abort()
            self._source.stop()

    def _read(self) -> None:
        let_others_go_first()
        while (slot := self.ring.free.take()) is not None:
            filled = False
            try:
                filled = self._source.fill(slot)
            finally:
                if not filled:
                    self.ring.free.put(slot)
            if not filled:
                break
            self._outcome.read += 1
            self.ring.give_filled(slot)
            self._outcome.dropped = self.ring.dropped
        self.ring.filled.finish()

    def _translate(self) -> None:
        flying: deque[Slot] = deque()
        try:
            while (slot := self._next_to_submit(flying)) is not None:
                if not flying:
                    self._busy_since = time.perf_counter()
                flying.append(slot)
                slot.submitted_seconds = time.perf_counter()
                self._engine.submit(slot)
        finally:
            for slot in flying:
                self.ring.free.put(slot)
        self.ring.done.finish()

    def _next_to_submit(self, flying: deque[Slot]) -> Slot | None:
        """Pass on what is finished until the engine has room and a frame is there; None when no more frames come."""
        while flying and (len(flying) == self._engine.depth or not len(self.ring.filled)):
            self._engine.wait(flying[0])
            now = time.perf_counter()
            slot = flying.popleft()
            self._outcome.latencies.add(1e3 * (now - slot.submitted_seconds))
            if not flying:
                self._outcome.engine_seconds += now - self._busy_since
            self.ring.done.put(slot)
        return self.ring.filled.take()

    def _write(self) -> None:
        let_others_go_first()
        while (slot := self.ring.done.take()) is not None:
            try:
                self._sink.take(slot)
            finally:
                self.ring.free.put(slot)
            self._outcome.seconds = time.perf_counter() - self._start
            if not self._outcome.written:
                self._outcome.first_frame_seconds = self._outcome.seconds
            with self._news:
                self._outcome.written += 1
                self._news.notify()
