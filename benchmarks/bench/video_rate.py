"""The runtime's own cost: frames per second of a whole video over those of the engine alone, in one run.

The engine alone is measured before and after each video, on the same session with the same threads, frames from memory,
nothing decoded or encoded: a machine that drifts does so to both.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench.memory import resident_bytes
from onestep.frame_size import FrameSize
from onestep.runtime import Progress, Session, translate_video
from onestep.runtime.backends.engine import Engine
from onestep.runtime.slots import Slot
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.writer import VideoWriter
from onestep.scenes import Scene

_RATE = 15
_TICKS = 90_000
_DISTINCT_FRAMES = 12
_MEMORY_SAMPLES = 20


@dataclass(frozen=True)
class VideoRate:
    """One video through one session."""

    frames: int
    engine_fps: float
    """Frames per second of the engine alone: the mean of before and after."""
    end_to_end_fps: float
    """Frames per second from the first frame read to the file finished."""
    resident_start_bytes: int
    """Memory of this process once a twentieth of the frames was written."""
    resident_end_bytes: int
    """Memory of this process after the last frame."""

    @property
    def ratio(self) -> float:
        """End to end over engine alone; 1 would be a runtime that costs nothing."""
        return self.end_to_end_fps / self.engine_fps

    @property
    def growth_bytes(self) -> int:
        """How much memory the frames after the first twentieth left behind."""
        return self.resident_end_bytes - self.resident_start_bytes


def write_clip(path: Path, *, size: FrameSize, frames: int, frames_per_second: int = _RATE) -> Path:
    """Write a clip of a rendered drive whose few pictures come again and again.

    Args:
        path: The video to write; replaced if it is there.
        size: Width and height in pixels.
        frames: How many.
        frames_per_second: At which they are to be shown.
    """
    info = VideoInfo(
        width=size.width,
        height=size.height,
        time_base=Fraction(1, _TICKS),
        frame_rate=Fraction(frames_per_second),
        frame_count=frames,
        name="the rendered drive",
    )
    scene = Scene.random(3)
    pictures = [scene.at(index / _RATE, size=size).render("day") for index in range(min(frames, _DISTINCT_FRAMES))]
    with VideoWriter(path, info, overwrite=True) as writer:
        for index in range(frames):
            writer.write(pictures[index % len(pictures)], pts=index * _TICKS // frames_per_second)
    return path


def engine_rate(session: Session, *, frames: int) -> float:
    """Return the frames per second of a session's engine alone, as many in flight as it takes."""
    engine = session.engine
    slots = [engine.new_slot() for _ in range(engine.depth)]
    try:
        picture = np.random.default_rng(0).integers(0, 256, slots[0].input.shape, np.uint8)
        for slot in slots:
            np.copyto(slot.input, picture)
        return frames / _seconds(engine, slots, frames)
    finally:
        for slot in slots:
            engine.give_back(slot)


def _seconds(engine: Engine, slots: list[Slot], frames: int) -> float:
    start = time.perf_counter()
    for index in range(frames):
        if index >= len(slots):
            engine.wait(slots[index % len(slots)])
        engine.submit(slots[index % len(slots)])
    for index in range(max(frames - len(slots), 0), frames):
        engine.wait(slots[index % len(slots)])
    return time.perf_counter() - start


def video_rate(
    session: Session,
    clip: Path,
    output: Path,
    *,
    engine_frames: int,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> VideoRate:
    """Measure one video.

    Args:
        session: Open; the clip should have its frame size, so that nothing is scaled.
        clip: The video to translate.
        output: Where the result goes; replaced if it is there.
        engine_frames: Frames for the engine alone, before and again after the video.
        on_progress: Called as frames are written.
    """
    resident: list[tuple[int, int]] = []

    def watch(progress: Progress) -> None:
        every = max((progress.frames_total or 1) // _MEMORY_SAMPLES, 1)
        if not resident or progress.frames_written >= resident[-1][0] + every:
            resident.append((progress.frames_written, resident_bytes()))
        on_progress(progress)

    before = engine_rate(session, frames=engine_frames)
    report = translate_video(clip, output, session=session, overwrite=True, on_progress=watch)
    end_bytes = resident_bytes()
    after = engine_rate(session, frames=engine_frames)
    settled = resident[1] if len(resident) > 1 else resident[0]
    return VideoRate(report.frames_written, (before + after) / 2, report.end_to_end_fps, settled[1], end_bytes)
