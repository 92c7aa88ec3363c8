"""How old frames are when they leave, where the source is faster than the engine: what `run-video --live` is for.

A clip is played at its own rate through the runtime's own live source and pipeline, and the age of each frame that
comes out is the time since it was due. An engine of T seconds cannot do better than T; a queue in front of it would
show as an age that grows without end.
"""

import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from onestep.frame_size import FrameSize
from onestep.runtime.pipeline import Pipeline
from onestep.runtime.session import Session
from onestep.runtime.slots import Slot
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video_stages import LiveSource

_SPARE_SLOTS = 3


@dataclass(frozen=True)
class LiveAge:
    """One live video through one session."""

    source_fps: float
    frames_due: int
    frames_out: int
    ages_ms: list[float]
    """Time from when a frame was due to when it was handed to the encoder, in order."""

    def percentile_ms(self, percent: float) -> float:
        """Return an age that so many per cent of the frames do not exceed."""
        return float(np.percentile(self.ages_ms, percent))

    @property
    def growth_ms(self) -> float:
        """Median age of the last third less that of the first third: near 0 where nothing queues up."""
        third = max(len(self.ages_ms) // 3, 1)
        return float(np.median(self.ages_ms[-third:]) - np.median(self.ages_ms[:third]))


class _AgeSink:
    """Notes when each frame comes out."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self.start_seconds = 0.0
        self.ages_ms: list[float] = []

    def take(self, slot: Slot) -> None:
        """Note the age of a slot's frame."""
        due = self.start_seconds + float(slot.pts * self._time_base)
        self.ages_ms.append((time.perf_counter() - due) * 1e3)


def live_age(session: Session, clip: Path) -> LiveAge:
    """Play a clip at its own rate through a session, the newest frame first.

    Args:
        session: Open.
        clip: A video with a known frame rate, longer than a few of the engine's frames.
    """
    engine = session.engine
    with VideoReader(clip, with_audio=False, live=True) as reader:
        info = reader.info
        placement = session.placement(FrameSize(info.width, info.height))
        slots = [engine.new_slot() for _ in range(engine.depth + _SPARE_SLOTS)]
        sink = _AgeSink(info.time_base)
        sink.start_seconds = time.perf_counter()
        try:
            with LiveSource(reader, placement, session.finish_input) as source:
                Pipeline(source, engine, sink, slots, newest_wins=True).run(lambda outcome: None)
        finally:
            for slot in slots:
                engine.give_back(slot)
        return LiveAge(float(info.frame_rate or 0), reader.frames_read, len(sink.ages_ms), sink.ages_ms)
