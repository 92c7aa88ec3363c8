"""A whole video from a source through a session to an output."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onestep.errors import SettingError
from onestep.frame_size import FrameSize
from onestep.runtime.pipeline import Outcome, Pipeline
from onestep.runtime.placement import Placement
from onestep.runtime.report import VideoReport
from onestep.runtime.session import Session, SessionOptions, open_session
from onestep.runtime.slots import Slot
from onestep.runtime.smooth import SMALLEST_SIDE, Smoother
from onestep.runtime.video.encoder import EncoderSettings
from onestep.runtime.video.hardware import AUTO, NVDEC, NVENC, DecoderName
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.writer import VideoWriter
from onestep.runtime.video_detail import VideoDetail
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
    smooth: bool = False,
    decoder: DecoderName = AUTO,
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
        session: An open session, or how to open one; then a free size is chosen at the source's aspect, and a processor
            aims at throughput unless the source is live.
        audio: Copy the audio packets.
        overwrite: Replace an existing file.
        live: The newest frame wins: frames that the engine is too slow for are dropped and counted. Without audio.
        smooth: Blend each result with the one before, moved along the picture's motion. Not for live sources.
        decoder: `auto` takes NVDEC where it is here and decodes the source, `nvdec` insists on it.
        encoder: Codec, quality, preset, threads, and what encodes; `None` takes NVENC where it is here.
        on_open: Called once with the session before the first frame.
        on_progress: Called in this thread after frames were written; calls that it is too slow for are left out.

    Raises:
        SettingError: `smooth` for a live source, a single frame, or a picture that is too small to find motion in.
        OnestepError: The source cannot be read, the output not written, the bundle not opened, or the backend failed.
            What was written until then is kept if it can be played.
    """
    start = time.perf_counter()
    settings = encoder or EncoderSettings(encoder=AUTO)
    if smooth and live:
        raise SettingError(
            "Smoothing needs every frame in its order, and a live run drops frames. Leave out --smooth or --live."
        )
    with (
        VideoReader(source, with_audio=audio, live=live, decoder=decoder) as reader,
        VideoWriter(output, reader.info, audio=reader.audio, settings=settings, overwrite=overwrite) as writer,
        _opened(session, reader.info) as opened,
    ):
        if smooth:
            _check_smooth(reader.info, opened)
        if on_open is not None:
            on_open(opened)
        ready = time.perf_counter()
        outcome = _run(reader, writer, opened, on_progress, smooth=smooth)
        writer.finish(cut=outcome.interrupted)
        return _report(reader, writer, str(output), opened, outcome, ready - start, time.perf_counter() - ready)


@contextmanager
def _opened(session: Session | SessionOptions, info: VideoInfo) -> Iterator[Session]:
    """Give the session, and close it afterwards where it was opened here."""
    if isinstance(session, Session):
        yield session
        return
    aim = session.aim or ("latency" if info.is_live else "throughput")
    options = dataclasses.replace(session, aim=aim)
    with open_session(options, source_size=FrameSize(info.width, info.height)) as opened:
        yield opened


def _run(
    reader: VideoReader,
    writer: VideoWriter,
    session: Session,
    on_progress: Callable[[Progress], None] | None,
    *,
    smooth: bool,
) -> Outcome:
    info, engine = reader.info, session.engine
    info_size = FrameSize(info.width, info.height)
    placement = session.placement(info_size)
    detail = VideoDetail(placement, info.orientation) if session.adds_detail(placement, info_size) else None
    sink = VideoSink(writer, placement, smoother=Smoother() if smooth else None, detail=detail)

    def tell(outcome: Outcome) -> None:
        if on_progress is not None:
            on_progress(Progress(outcome.written, info.frame_count, outcome.seconds))

    slots: list[Slot] = []
    try:
        slots += (engine.new_slot() for _ in range(engine.depth + _SPARE_SLOTS))
        with _source(reader, session, placement, detail) as source:
            return Pipeline(source, engine, sink, slots, newest_wins=info.is_live).run(tell)
    finally:
        for slot in slots:
            engine.give_back(slot)


def _source(reader: VideoReader, session: Session, placement: Placement, detail: VideoDetail | None) -> VideoSource:
    if reader.info.is_live:
        return LiveSource(reader, placement, session.finish_input, detail)
    return VideoSource(reader, placement, session.finish_input, detail)


def _check_smooth(info: VideoInfo, session: Session) -> None:
    """Raise SettingError where there is no frame before the frame, one may be lost, or the picture is too small."""
    if info.is_live:
        raise SettingError(
            f"{info.name} is a live source, whose frames may be dropped; smoothing needs each of them in its order. "
            "Leave out --smooth."
        )
    if info.frame_count == 1:
        raise SettingError(f"{info.name} has one frame, so there is nothing to smooth. Leave out --smooth.")
    seen = session.placement(FrameSize(info.width, info.height)).size
    if min(seen.width, seen.height) < SMALLEST_SIDE:
        raise SettingError(
            f"The network sees {info.name} at {seen}, and smoothing finds motion in pictures of {SMALLEST_SIDE} pixels "
            "each way at least. Leave out --smooth, or give a larger --size."
        )


def _report(
    reader: VideoReader,
    writer: VideoWriter,
    output: str,
    session: Session,
    outcome: Outcome,
    opening_seconds: float,
    seconds: float,
) -> VideoReport:
    info, manifest = reader.info, session.bundle.manifest
    passed_over = {NVDEC: reader.decoder.passed_over, NVENC: writer.nvenc_passed_over}
    return VideoReport(
        source=info.name,
        output=output,
        domain=manifest.domain,
        base=manifest.base,
        backend=session.backend,
        decoder=reader.decoder.name,
        encoder=writer.encoder,
        passed_over={name: reason for name, reason in passed_over.items() if reason is not None},
        source_size=FrameSize(info.width, info.height),
        internal_size=session.frame_size,
        frames_at_a_time=session.engine.depth,
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
