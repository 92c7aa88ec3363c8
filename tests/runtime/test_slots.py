"""The ring of slots: order, ends, and that no slot is ever lost."""

import threading

import numpy as np
import pytest

from onestep.frame_size import FrameSize
from onestep.runtime.slots import ALIGNMENT_BYTES, Ring, Slot, aligned_frame
from tests.patience import PATIENCE_SECONDS, is_waited_for


def _slots(count: int) -> list[Slot]:
    size = FrameSize(4, 2)
    return [Slot(aligned_frame(size), aligned_frame(size), pts=i) for i in range(count)]


@pytest.mark.parametrize("size", [FrameSize(1, 1), FrameSize(33, 7), FrameSize(512, 288)])
def test_frames_are_aligned_and_contiguous(size: FrameSize) -> None:
    frame = aligned_frame(size)
    assert frame.shape == (size.height, size.width, 3)
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    assert frame.ctypes.data % ALIGNMENT_BYTES == 0


def test_lane_keeps_the_order() -> None:
    slots = _slots(3)
    ring = Ring(slots)
    assert [ring.free.take() for _ in slots] == slots


def test_finished_lane_hands_out_what_waits_and_then_none() -> None:
    ring = Ring(_slots(2))
    slot = ring.free.take()
    assert slot is not None
    ring.give_filled(slot)
    ring.filled.finish()
    assert ring.filled.take() is slot
    assert ring.filled.take() is None


def test_stopped_reading_hands_out_nothing_and_loses_nothing() -> None:
    ring = Ring(_slots(2))
    ring.stop_reading()
    assert ring.free.take() is None
    assert len(ring.free) == 2


def test_abort_returns_waiting_slots() -> None:
    ring = Ring(_slots(3))
    for lane in (ring.filled, ring.done):
        slot = ring.free.take()
        assert slot is not None
        lane.put(slot)
    ring.abort()
    assert len(ring.free) == 3
    assert ring.filled.take() is None
    assert ring.done.take() is None


@pytest.mark.parametrize("end", ["finish", "stop"])
def test_ending_a_lane_wakes_who_waits(end: str) -> None:
    ring = Ring([])
    got: list[Slot | None] = []
    waits = is_waited_for(ring.filled._changed)
    waiting = threading.Thread(target=lambda: got.append(ring.filled.take()), daemon=True)
    waiting.start()
    assert waits.wait(PATIENCE_SECONDS)
    getattr(ring.filled, end)()
    waiting.join(timeout=PATIENCE_SECONDS)
    assert got == [None]


def test_newest_takes_the_place_of_the_one_that_waits() -> None:
    ring = Ring(_slots(3), newest_wins=True)
    taken = [ring.free.take() for _ in range(3)]
    for slot in taken:
        assert slot is not None
        ring.give_filled(slot)
    assert ring.dropped == 2
    assert len(ring.free) == 2
    assert ring.filled.take() is taken[-1]
