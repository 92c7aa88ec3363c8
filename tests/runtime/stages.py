"""Stages for pipeline tests: counting sources, engines of a chosen pace, sinks that remember, failures on order."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from onestep.frame_size import FrameSize
from onestep.runtime.slots import Slot, aligned_frame

SIZE = FrameSize(2, 1)
Pace = Callable[[int], None]


class PlannedError(Exception):
    """Raised by a stage at the frame it was told to."""


def no_pause(_: int) -> None:
    """Go on at once."""


def pauses(milliseconds: list[float]) -> Pace:
    """Sleep for the n-th of these times at frame n, over and over."""

    def pause(frame: int) -> None:
        time.sleep(milliseconds[frame % len(milliseconds)] / 1e3)

    return pause


def fails_at(frame: int | None, otherwise: Pace = no_pause) -> Pace:
    """Raise PlannedError at one frame."""

    def pace(current: int) -> None:
        if current == frame:
            raise PlannedError(f"frame {current}")
        otherwise(current)

    return pace


@dataclass
class CountingSource:
    """Frames 0 to `count` - 1: the number is the pts and the colour."""

    count: int
    pace: Pace = no_pause
    at: int = 0
    stopped: Event = field(default_factory=Event)

    def fill(self, slot: Slot) -> bool:
        if self.at == self.count or self.stopped.is_set():
            return False
        self.pace(self.at)
        slot.pts, slot.input[:] = self.at, self.at % 251
        self.at += 1
        return True

    def stop(self) -> None:
        self.stopped.set()


@dataclass
class AddingEngine:
    """Adds one to every byte; work that was submitted is only done when it is waited for, like on a GPU."""

    depth: int = 1
    pace: Pace = no_pause
    frame_size: FrameSize = SIZE
    at: int = 0
    flying: deque[Slot] = field(default_factory=deque)
    deepest: int = 0

    def new_slot(self) -> Slot:
        return Slot(aligned_frame(SIZE), aligned_frame(SIZE))

    def give_back(self, slot: Slot) -> None:
        """Do nothing."""

    def submit(self, slot: Slot) -> None:
        self.flying.append(slot)
        self.deepest = max(self.deepest, len(self.flying))
        assert self.deepest <= self.depth

    def wait(self, slot: Slot) -> None:
        assert self.flying.popleft() is slot
        self.pace(self.at)
        self.at += 1
        slot.output[:] = slot.input + 1

    def close(self) -> None:
        pass


@dataclass
class RememberingSink:
    """Remembers the pts of what it took, after checking that the picture belongs to it."""

    pace: Pace = no_pause
    taken: list[int] = field(default_factory=list)

    def take(self, slot: Slot) -> None:
        self.pace(len(self.taken))
        assert (slot.output == slot.pts % 251 + 1).all()
        self.taken.append(slot.pts)
