"""Slots: the frames' places in memory, allocated once and going round between the stages.

A slot is in one of four places: in one of the three lanes of the ring (free, filled, done), or in the hands of the
stage that took it out. Memory is bounded because no slot is ever made after the start, and a fast stage waits for a
slow one because there are no more slots to take.

    free --reader--> filled --engine--> done --writer--> free
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Condition, Lock

import numpy as np
from numpy.typing import NDArray

from onestep.frame_size import FrameSize

Pixels = NDArray[np.uint8]
ALIGNMENT_BYTES = 64


@dataclass(eq=False, slots=True)
class Slot:
    """Room for one frame on its way in and for the same frame on its way out."""

    input: Pixels
    """[h, w, 3] uint8, RGB: what the engine reads."""
    output: Pixels
    """[h, w, 3] uint8, RGB: what the engine writes."""
    pts: int = 0
    """Presentation time of the frame, in the source's own time base."""
    submitted_seconds: float = 0.0
    """When the frame was handed to the engine, on the clock of `time.perf_counter`."""


def aligned_frame(size: FrameSize) -> Pixels:
    """Allocate a black frame of plain memory whose first byte lies on a multiple of 64.

    Args:
        size: Width and height in pixels.

    Returns:
        [h, w, 3] uint8, contiguous.
    """
    count = size.pixels * 3
    memory = np.zeros(count + ALIGNMENT_BYTES, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT_BYTES
    return memory[start : start + count].reshape(size.height, size.width, 3)


class Lane:
    """A first-in first-out queue of slots that can be ended."""

    def __init__(self, lock: Lock) -> None:
        self._slots: deque[Slot] = deque()
        self._changed = Condition(lock)
        self._finished = self._stopped = False

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def stopped(self) -> bool:
        """Whether the lane hands nothing out any more."""
        return self._stopped

    def put(self, slot: Slot) -> None:
        """Append a slot. A lane that has ended still takes it, so that no slot is lost."""
        with self._changed:
            self._slots.append(slot)
            self._changed.notify()

    def swap(self, slot: Slot) -> Slot | None:
        """Put a slot in place of the newest that waits, and return that one, or None where none waited."""
        with self._changed:
            waiting = self._slots.pop() if self._slots else None
            self._slots.append(slot)
            self._changed.notify()
            return waiting

    def take(self) -> Slot | None:
        """Wait for the oldest slot; None once the lane has ended."""
        with self._changed:
            while not (self._slots or self._finished or self._stopped):
                self._changed.wait()
            return self._slots.popleft() if self._slots and not self._stopped else None

    def finish(self) -> None:
        """Say that no more slots come; those that wait are still handed out."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def stop(self) -> list[Slot]:
        """Hand out nothing from now on, and return the slots that were waiting."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            waiting = list(self._slots)
            self._slots.clear()
            return waiting


class Ring:
    """The three lanes through which a fixed set of slots goes round.

    Args:
        slots: All slots there will ever be.
        newest_wins: A newly filled slot takes the place of one that still waits for the engine; frames lost this way
            are counted in `dropped`.
    """

    def __init__(self, slots: Sequence[Slot], *, newest_wins: bool = False) -> None:
        lock = Lock()
        self.free, self.filled, self.done = Lane(lock), Lane(lock), Lane(lock)
        self.dropped = 0
        """Frames that were filled and never reached the engine because a newer one came."""
        self._newest_wins = newest_wins
        for slot in slots:
            self.free.put(slot)

    def give_filled(self, slot: Slot) -> None:
        """Hand a filled slot to the engine, in place of the one that waits where the newest wins."""
        if not self._newest_wins:
            self.filled.put(slot)
        elif (stale := self.filled.swap(slot)) is not None:
            self.dropped += 1
            self.free.put(stale)

    def stop_reading(self) -> None:
        """Let no more slots be filled; those that are filled still go their way."""
        for slot in self.free.stop():
            self.free.put(slot)

    def abort(self) -> None:
        """Wake every stage and hand out nothing any more; waiting slots go back to the free ones."""
        for lane in (self.free, self.filled, self.done):
            for slot in lane.stop():
                self.free.put(slot)
