"""Reading video: any source that FFmpeg opens, as frames in the order they are shown, each with its time.

Only the first real video stream is read (cover pictures do not count). Subtitles and data streams are left out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from onestep.errors import InputError
from onestep.runtime.video.audio import AudioLane
from onestep.runtime.video.decoder import chosen_decoder, used_decoder
from onestep.runtime.video.faults import AV_FAULTS, reason
from onestep.runtime.video.hardware import DecoderName, is_set_up_on_gpu
from onestep.runtime.video.info import VideoInfo, info_of
from onestep.runtime.video.lengths import missing_bytes
from onestep.runtime.video.source import Source, open_source, source_from_text
from onestep.runtime.video.standard_input import StandardInput
from onestep.runtime.video.threads import codec_threads
from onestep.runtime.video.timeline import Timeline

_log = logging.getLogger(__name__)


class VideoReader:
    """A video, as a context manager and an iterator of `av.VideoFrame`.

    Opening decodes the first frame, so `info` is complete and a video that cannot be decoded fails here. Frames come in
    the order they are shown, with `frame.pts` in units of `info.time_base`, strictly increasing: missing and repeated
    times are filled in. Times are the source's own, except that live sources start at 0, and that a source whose clock
    goes back (`Timeline`) goes on from there.

    What cannot be decoded is passed over; `damage` says afterwards what was lost. A frame whose size differs from the
    first one's (`info`) is handed on as it is with one warning in the log: `RgbFromFrame` scales it like any other,
    so the output keeps one size.

    Attributes:
        info: Shape of the video.
        audio: Packets to copy, for `VideoWriter`; `None` unless asked for, and for live sources.
        frames_read: Frames handed out so far.
        damage: Once the iterator has ended, one sentence on what could not be read; `None` where nothing is missing.
        decoder: What decodes, and why `auto` passed NVDEC over.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        with_audio: bool = False,
        live: bool = False,
        threads: int | None = None,
        decoder: DecoderName = "software",
    ) -> None:
        """Open a video and decode its first frame.

        Args:
            source: File, `-` for standard input, camera number, or the address of a stream.
            with_audio: Collect audio packets in `audio`; somebody must take them out again.
            live: The source does not wait (cameras are always live): no decoding delay, no audio, times start at 0.
                It does not drop frames by itself, see `live.NewestFrames`.
            threads: Decoder threads; `None` takes a share of the cores, one for live sources.
            decoder: `auto` takes NVDEC where it is here and decodes the stream, `nvdec` insists on it.

        Raises:
            BackendError: NVDEC was insisted on, and is not here or does not decode the stream.
            MissingInputError: A file or a camera that does not exist.
            InputError: It is not a video, or no frame of it can be decoded.
            SettingError: `threads` is below 1.
        """
        self._source = source_from_text(source)
        is_live = live or self._source.kind == "camera"
        self._threads = codec_threads(1 if is_live and threads is None else threads)
        self._damaged_packets = 0
        self._stopped_by: str | None = None
        self._last_pts: int | None = None
        self.frames_read = 0
        self.damage: str | None = None
        self._choice = chosen_decoder(decoder)
        self._timeline = Timeline(self._source.name)
        self._pipe = StandardInput() if self._source.kind == "pipe" else None
        self._closing = ExitStack()
        try:
            self._container = self._opened()
            self._open_streams(with_audio=with_audio and not is_live)
            self._open_frames(live=is_live)
            if with_audio and is_live and self.info.has_audio:
                _log.warning("%s has sound, which is left out: a live run drops frames", self._source.name)
        except BaseException:
            self.close()
            raise

    def _opened(self) -> InputContainer:
        if self._pipe is not None:
            self._closing.callback(self._pipe.close)
        container = open_source(self._source, hwaccel=self._choice.hwaccel, pipe=self._pipe)
        self._closing.callback(container.close)
        return container

    def _open_streams(self, *, with_audio: bool) -> None:
        self._stream = _video_stream(self._source, self._container.streams.video)
        on_gpu = is_set_up_on_gpu(self._stream.codec_context)
        threads = 1 if on_gpu else self._threads  # NVDEC has its own; more here only hold frames back
        self._stream.thread_type = "AUTO" if threads > 1 else "SLICE"
        self._stream.thread_count = threads
        tracks = self._container.streams.audio if with_audio else ()
        self.audio = AudioLane(tracks) if tracks else None

    def _open_frames(self, *, live: bool) -> None:
        frames = self._decoded()
        first = next(frames, None)
        if first is None:
            raise self._nothing_decoded()
        self.decoder = used_decoder(self._choice, self._stream.codec_context, self._source.name)
        self._frames: Iterator[av.VideoFrame] = chain([first], frames)
        self.info: VideoInfo = info_of(self._source, self._container, self._stream, first, live=live)
        self._start_pts = (first.pts or 0) if live else 0
        self._size = (first.width, first.height)

    def __iter__(self) -> Iterator[av.VideoFrame]:
        return self

    def __next__(self) -> av.VideoFrame:
        frame = next(self._frames, None)
        if frame is None:
            self.damage = self._describe_damage()
            raise StopIteration
        self._set_time(frame)
        if (frame.width, frame.height) != self._size:
            self._note_new_size(frame)
        self.frames_read += 1
        return frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the source. Call it from the thread that iterates, or after that thread has ended."""
        self._frames = iter(())
        self._closing.close()

    def stop(self) -> None:
        """End a wait for standard input, from any thread; what has come until then is still handed out."""
        if self._pipe is not None:
            self._pipe.stop()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            if packet.stream is self._stream:  # the stream_index of the empty packets at the end is 0 for each stream
                yield from self._decode(packet)
            elif packet.size and self.audio is not None:
                self.audio.put(packet)  # type: ignore[arg-type]
        if self._stopped_by is not None:
            yield from self._decode(None)

    def _packets(self) -> Iterator[Packet[Stream]]:
        tracks: tuple[AudioStream, ...] = self.audio.streams if self.audio else ()
        packets = self._container.demux(self._stream, *tracks)
        while True:
            try:
                packet = next(packets, None)
            except AV_FAULTS as fault:
                self._stopped_by = reason(fault)
                return
            if packet is None:
                return
            self._timeline.place(packet)
            yield packet

    def _decode(self, packet: Packet[Stream] | None) -> list[av.VideoFrame]:
        try:
            return self._stream.decode(packet)
        except AV_FAULTS as fault:
            self._damaged_packets += 1
            _log.debug("%s: a packet could not be decoded (%s)", self._source.name, reason(fault))
            return []

    def _set_time(self, frame: av.VideoFrame) -> None:
        pts = None if frame.pts is None else frame.pts - self._start_pts
        if self._last_pts is not None:
            if pts is None:
                pts = self._last_pts + self.info.frame_step
            pts = max(pts, self._last_pts + 1)
        self._last_pts = frame.pts = pts or 0

    def _note_new_size(self, frame: av.VideoFrame) -> None:
        was = "{}x{}".format(*self._size)
        now = f"{frame.width}x{frame.height}"
        _log.warning("%s changes its size from %s to %s at frame %d", self._source.name, was, now, self.frames_read)
        self._size = (frame.width, frame.height)

    def _describe_damage(self) -> str | None:
        name, expected = self._source.name, self.info.frame_count
        read = f"{self.frames_read} of {expected} frames" if expected else f"{self.frames_read} frames"
        missing = missing_bytes(self._source.path) if self._source.path and self._source.path.is_file() else 0
        if missing:
            return f"{name} is cut off: {missing} bytes are missing at its end. {read} could be read."
        if self._stopped_by is not None:
            return f"{name} could not be read to its end ({self._stopped_by}). {read} could be read."
        if self._damaged_packets:
            return f"{name} is damaged: {self._damaged_packets} packets could not be decoded. {read} could be read."
        return None

    def _nothing_decoded(self) -> InputError:
        codec = self._stream.codec_context
        why = f" ({self._stopped_by})" if self._stopped_by else ""
        return InputError(
            f"{self._source.name} has a video stream ({codec.name}, {codec.width}x{codec.height}) and no frame in it "
            f"could be decoded{why}. {self._damaged_packets} packets were damaged. Record or copy it again."
        )


def _video_stream(source: Source, streams: tuple[VideoStream, ...]) -> VideoStream:
    for stream in streams:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise InputError(f"{source.name} has no video stream, only sound or other data. Give a file with pictures in it.")
