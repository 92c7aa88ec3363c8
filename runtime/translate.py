"""A whole video from a source through a session to an output."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onestep.frame_size import FrameSize
from onestep.runtime.pipeline import Outcome, Pipeline
from onestep.runtime.report import VideoReport
from onestep.runtime.session import Session, SessionOptions, open_session
from onestep.runtime.video.encoder import EncoderSettings
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.writer import VideoWriter
from onestep.runtime.video_stages import LiveSource, VideoSink, VideoSource

_SPARE_SLOTS = 3


@dataclass(frozen=True)
class Progress:
    """How far a video is."""

    frames_written: int
    frames_total: int | None
    """An estimate from the container's header; None where nobody knows."""
    seconds: float
    """Since the first frame was read."""

    @property
    def frames_per_second(self) -> float:
        """Frames written per second so far."""
        return self.frames_written / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the time to the end; None where the number of frames is unknown."""
        if self.frames_total is None or not self.frames_per_second:
            return None
        return max(self.frames_total - self.frames_written, 0) / self.frames_per_second


def translate_video(
    source: str | Path,
    output: str | Path,
    *,
    session: Session | SessionOptions,
    audio: bool = True,
    overwrite: bool = False,
    live: bool = False,
    encoder: EncoderSettings | None = None,
    on_open: Callable[[Session], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> VideoReport:
    """Translate a video and write it with the source's size, times and audio.

    Ctrl-C does not raise: reading stops, frames in flight are written, the file is finished and the report says
    `cut_short`. A second Ctrl-C gives up the frames in flight and raises.

    Args:
        source: File, `-` for standard input, camera number, or the address of a stream.
        output: File, or `-` for standard output.
        session: An open session, or how to open one; then a free size is chosen at the source's aspect.
        audio: Copy the audio packets.
        overwrite: Replace an existing file.
        live: The newest frame wins: frames that the engine is too slow for are dropped and counted. Without audio.
        encoder: Codec, quality, preset, threads.
        on_open: Called once with the session before the first frame.
        on_progress: Called in this thread after frames were written; calls that it is too slow for are left out.

    Raises:
        OnestepError: The source cannot be read, the output not written, the bundle not opened, or the backend failed.
            What was written until then is kept if it can be played.
    """
    start = time.perf_counter()
    with (
        VideoReader(source, with_audio=audio, live=live) as reader,
        VideoWriter(output, reader.info, audio=reader.audio, settings=encoder, overwrite=overwrite) as writer,
        _opened(session, reader.info) as opened,
    ):
        if on_open is not None:
            on_open(opened)
        ready = time.perf_counter()
        outcome = _run(reader, writer, opened, on_progress)
        writer.finish(cut=outcome.interrupted)
        return _report(reader, str(output), opened, outcome, ready - start, time.perf_counter() - ready)


@contextmanager
def _opened(session: Session | SessionOptions, info: VideoInfo) -> Iterator[Session]:
    """Give the session, and close it afterwards where it was opened here."""
    if isinstance(session, Session):
        yield session
        return
    with open_session(session, source_size=FrameSize(info.width, info.height)) as opened:
        yield opened


def _run(
    reader: VideoReader, writer: VideoWriter, session: Session, on_progress: Callable[[Progress], None] | None
) -> Outcome:
    info, engine = reader.info, session.engine
    placement = session.placement(FrameSize(info.width, info.height))
    slots = [engine.new_slot() for _ in range(engine.depth + _SPARE_SLOTS)]
    sink = VideoSink(writer, placement)

    def tell(outcome: Outcome) -> None:
        if on_progress is not None:
            on_progress(Progress(outcome.written, info.frame_count, outcome.seconds))

    with LiveSource(reader, placement) if info.is_live else VideoSource(reader, info, placement) as source:
        return Pipeline(source, engine, sink, slots, newest_wins=info.is_live).run(tell)


def _report(
    reader: VideoReader, output: str, session: Session, outcome: Outcome, opening_seconds: float, seconds: float
) -> VideoReport:
    info, manifest = reader.info, session.bundle.manifest
    return VideoReport(
        source=info.name,
        output=output,
        domain=manifest.domain,
        base=manifest.base,
        backend=session.backend,
        source_size=FrameSize(info.width, info.height),
        internal_size=session.frame_size,
        frames_read=reader.frames_read,
        frames_written=outcome.written,
        frames_dropped=reader.frames_read - outcome.written,
        latency_p50_ms=outcome.latencies.percentile(50),
        latency_p95_ms=outcome.latencies.percentile(95),
        latency_p99_ms=outcome.latencies.percentile(99),
        engine_fps=outcome.latencies.count / outcome.engine_seconds if outcome.engine_seconds else 0.0,
        end_to_end_fps=outcome.written / seconds,
        first_frame_seconds=outcome.first_frame_seconds,
        opening_seconds=opening_seconds,
        seconds=seconds,
        cut_short=outcome.interrupted,
        damage=reader.damage,
    )
