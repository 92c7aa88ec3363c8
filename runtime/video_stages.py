"""The two ends of the pipeline for video: decoded frames into slots, slots into the encoder."""

import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from threading import Event
from types import TracebackType
from typing import Self

import av

from onestep.runtime.placement import Placement
from onestep.runtime.slots import Pixels, Slot
from onestep.runtime.smooth import Smoother
from onestep.runtime.video.convert import RgbFromFrame
from onestep.runtime.video.live import NewestFrames
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.writer import VideoWriter
from onestep.runtime.video_detail import VideoDetail

FinishInput = Callable[[Pixels, Placement], None]
"""`Session.finish_input`."""


class VideoSource:
    """Decoded frames, scaled and converted straight into the slots."""

    def __init__(
        self,
        reader: VideoReader,
        placement: Placement,
        finish: FinishInput,
        detail: VideoDetail | None = None,
        *,
        frames: Iterable[av.VideoFrame] | None = None,
    ) -> None:
        """Take the reader's frames, or `frames` that come of them."""
        self._reader, self._frames = reader, iter(reader if frames is None else frames)
        self._placement, self._finish, self._detail = placement, finish, detail
        self._converter = RgbFromFrame(reader.info.orientation)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def fill(self, slot: Slot) -> bool:
        """Put the next frame into the slot; False at the end of the video."""
        frame = next(self._frames, None)
        if frame is None:
            return False
        self._converter.into(frame, self._placement.inside(slot.input))
        self._finish(slot.input, self._placement)
        if self._detail is not None:
            self._detail.keep(slot, frame)
        slot.pts = frame.pts or 0
        return True

    def stop(self) -> None:
        """End a wait for standard input; files give their next frame at once, and streams give up by themselves."""
        self._reader.stop()


class LiveSource(VideoSource):
    """The newest frame of a source that does not wait. A file is played at its own speed, as if it were one."""

    def __init__(
        self, reader: VideoReader, placement: Placement, finish: FinishInput, detail: VideoDetail | None = None
    ) -> None:
        self._stopped = Event()
        is_file = reader.info.path is not None
        frames = _at_own_speed(reader, reader.info.time_base, self._stopped) if is_file else reader
        self._newest = NewestFrames(frames)
        super().__init__(reader, placement, finish, detail, frames=self._newest)

    def stop(self) -> None:
        """Stop reading; a `fill` that waits for a frame returns."""
        self._stopped.set()
        super().stop()
        self._newest.close()


class VideoSink:
    """Slots into the encoder, at the source's size."""

    def __init__(
        self,
        writer: VideoWriter,
        placement: Placement,
        *,
        smoother: Smoother | None = None,
        detail: VideoDetail | None = None,
    ) -> None:
        self._writer, self._placement = writer, placement
        self._smoother, self._detail = smoother, detail

    def take(self, slot: Slot) -> None:
        """Encode the part of the output that the source's picture lies in, steadied and with its detail."""
        translated = self._placement.inside(slot.output)
        if self._smoother is not None:
            self._smoother.apply(self._placement.inside(slot.input), translated)
        detail = self._detail
        finish = None if detail is None else lambda frame: detail.add(slot, frame)
        self._writer.write(translated, pts=slot.pts, finish=finish)


def _at_own_speed(frames: Iterable[av.VideoFrame], time_base: Fraction, stopped: Event) -> Iterator[av.VideoFrame]:
    """Hand out each frame when its time has come, until `stopped`."""
    start = time.perf_counter()
    for frame in frames:
        due = start + float((frame.pts or 0) * time_base)
        if stopped.wait(max(due - time.perf_counter(), 0.0)):
            return
        yield frame
