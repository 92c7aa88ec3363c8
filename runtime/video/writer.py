"""Writing video: RGB arrays in, a file or a pipe of the source's shape out.

The output has the source's size, times, turn, pixel shape and colour tags, 8 bits per sample, and the source's audio
packets as they are. MP4 and MOV keep times exactly; Matroska and WebM store milliseconds. Pipes get Matroska.
"""

import logging
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from onestep.errors import OutputError, SettingError
from onestep.runtime.video.audio import AudioLane, AudioTracks
from onestep.runtime.video.colour import output_tags
from onestep.runtime.video.convert import WAY_UP, FrameFromRgb
from onestep.runtime.video.encoder import (
    CONTAINERS,
    PIPE_CONTAINER,
    EncoderSettings,
    add_video_stream,
    container_options,
)
from onestep.runtime.video.faults import AV_FAULTS, AvFault, is_broken_pipe, is_disk_full, reason
from onestep.runtime.video.hardware_encoder import settled_encoder
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.target import Target, check_target

_log = logging.getLogger(__name__)


def check_output(output: str | Path, *, source: Path | None = None, overwrite: bool = False) -> Target | None:
    """Make sure that a video can be written, before anything slow is started. Leaves nothing behind.

    Args:
        output: File, or `-` for standard output.
        source: Input file, which is never overwritten.
        overwrite: Replace an existing file.

    Returns:
        The file's names, `None` for standard output.

    Raises:
        OutputError: See `target.check_target`; also a terminal as standard output.
    """
    if output == "-":
        if sys.stdout is not None and sys.stdout.isatty():
            raise OutputError("Standard output is a terminal. Pipe the video: onestep run-video in.mp4 -o - | ffplay -")
        return None
    return check_target(Path(output), suffixes=CONTAINERS, source=source, overwrite=overwrite)


class VideoWriter:
    """A video being written, as a context manager.

    The file has a temporary name beside its own until `finish`, which leaving the `with` block calls. Leaving it by an
    error, Ctrl-C included, finishes the file too: what was written is kept and plays under the final name; without one
    frame nothing is left. A writer may be made in one thread and used in another.

    Attributes:
        settings: The encoder settings in force, with all defaults filled in.
        encoder: FFmpeg's name of what encodes, such as `libx264`.
        nvenc_passed_over: Why `auto` did not take NVENC; None where it did, and where software was asked for.
        frames_written: Frames handed to the encoder so far.
    """

    def __init__(
        self,
        output: str | Path,
        info: VideoInfo,
        *,
        audio: AudioLane | None = None,
        settings: EncoderSettings | None = None,
        overwrite: bool = False,
    ) -> None:
        """Check the output and open it.

        Args:
            output: File with one of the suffixes in `encoder.CONTAINERS`, or `-` for standard output.
            info: Shape of the source.
            audio: Audio packets to copy (`VideoReader.audio`); `None` leaves audio out.
            settings: Codec, quality, preset, threads.
            overwrite: Replace an existing file.

        Raises:
            BackendError: NVENC was insisted on and is not here, or does not take such pictures.
            OutputError: The output cannot be written there, or its container cannot hold the audio or the size.
            SettingError: Codec and container, or the settings, do not go together.
        """
        self._target = check_output(output, source=info.path, overwrite=overwrite)
        self._name = "standard output" if self._target is None else str(self._target.path)
        kind = PIPE_CONTAINER if self._target is None else CONTAINERS[self._target.path.suffix.lower()]
        wanted = settings or EncoderSettings()
        self.settings, self.nvenc_passed_over = settled_encoder(wanted, kind, info.stored_size)
        self.frames_written = 0
        self._info = info
        self._audio = audio
        self._last_pts: int | None = None
        self._is_open = True
        address = "pipe:1" if self._target is None else f"file:{self._target.partial}"
        self._container = av.open(address, "w", format=kind, container_options=container_options(kind))
        try:
            self._open_streams(self._container)
        except BaseException:
            self._drop()
            raise

    def _open_streams(self, container: OutputContainer) -> None:
        info, size = self._info, self._info.stored_size
        tags = output_tags(info.colour, *size)
        container.metadata.update(info.metadata)
        try:
            self._stream = add_video_stream(container, info, tags, self.settings)
            self._stream.codec_context.open()
            self.encoder = self._stream.codec_context.name
        except AV_FAULTS as fault:
            raise self._refused_video(fault) from fault
        pixel_format = self._stream.pix_fmt or "yuv420p"
        self._converter = FrameFromRgb(*size, pixel_format, tags=tags, orientation=info.orientation, scaling=WAY_UP)
        self._add_audio(container)

    def _add_audio(self, container: OutputContainer) -> None:
        sources = self._audio.streams if self._audio else ()
        names = ", ".join(str(stream.name) for stream in sources)
        try:
            self._tracks = AudioTracks(container, self._audio) if self._audio else None
            container.start_encoding()
        except AV_FAULTS as fault:
            if sources:
                raise OutputError(
                    f"{self._name} cannot hold the audio of {self._info.name} ({names}; {reason(fault)}). Write "
                    "an .mkv file, which holds nearly any, or leave the audio out with --no-audio."
                ) from fault
            raise OutputError(f"{self._name} cannot be opened for writing ({reason(fault)}).") from fault

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
            return
        try:
            self.finish(cut=True)
        except OutputError as second:
            _log.error("%s", second)

    def write(self, rgb: NDArray[np.uint8], *, pts: int, finish: Callable[[av.VideoFrame], None] | None = None) -> None:
        """Encode one picture; the array is free again when this returns.

        Args:
            rgb: uint8 `[h, w, 3]` of any size, RGB, upright; scaled to the output's size.
            pts: Time in units of `info.time_base`, greater than the last one.
            finish: Called with the frame for the encoder, of the stored size and in its pixel format, to change it.

        Raises:
            OutputError: The disk is full or the pipe is closed. What was written before is kept if it can be played.
            SettingError: A bad array, or a time that does not follow the last one.
        """
        if self._last_pts is not None and pts <= self._last_pts:
            raise SettingError(f"Frame {self.frames_written} has pts {pts}, which is not after {self._last_pts}.")
        frame = self._converter.frame(rgb)
        if finish is not None:
            finish(frame)
        frame.pts, frame.time_base = pts, self._info.time_base
        try:
            self._container.mux(self._stream.encode(frame))
            self._copy_audio(float(pts * self._info.time_base))
        except AV_FAULTS as fault:
            self._fail(fault)
        self._last_pts = pts
        self.frames_written += 1

    def finish(self, *, cut: bool = False) -> Path | None:
        """Write out what is held back, close the file and give it its name. A second call does nothing.

        Args:
            cut: The source was not read to its end: stop the audio where the pictures stop.

        Returns:
            The file; `None` for standard output, or where no frame was written and nothing is left.

        Raises:
            OutputError: The rest cannot be written.
        """
        path = self._target.path if self._target else None
        if not self._is_open:
            return path if self.frames_written else None
        if self.frames_written == 0:
            self._drop()
            return None
        try:
            self._container.mux(self._stream.encode(None))
            self._copy_audio(self._end_seconds() if cut else math.inf)
            self._close()
        except AV_FAULTS as fault:
            self._fail(fault)
        if self._target is not None:
            self._target.publish()
        return path

    def _end_seconds(self) -> float:
        return float(((self._last_pts or 0) + self._info.frame_step) * self._info.time_base)

    def _copy_audio(self, until_seconds: float) -> None:
        for packet in self._tracks.packets(until_seconds) if self._tracks else ():
            self._container.mux(packet)

    def _close(self) -> None:
        self._is_open = False
        self._container.close()

    def _drop(self) -> None:
        """Close an output that is of no use and remove it."""
        self._is_open = False
        try:
            self._container.close()
        except AV_FAULTS as fault:
            _log.debug("closing %s: %s", self._name, reason(fault))
        if self._target is not None:
            self._target.discard()

    def _fail(self, fault: AvFault) -> NoReturn:
        """Save what can be saved after a failed write, and say what that is."""
        try:
            self._close()
        except AV_FAULTS as second:
            _log.debug("closing %s: %s", self._name, reason(second))
        after = f"after {self.frames_written} frames"
        if is_broken_pipe(fault):
            raise OutputError(f"The program that reads standard output has ended {after}.") from fault
        is_full = is_disk_full(fault)
        what = "The disk is full" if is_full else "Writing failed"
        advice = "Free some space and run again." if is_full else "Check the disk and run again."
        raise OutputError(
            f"{what}: {self._name} stopped {after} ({reason(fault)}). {self._rescue()} {advice}"
        ) from fault

    def _rescue(self) -> str:
        if self._target is None:
            return "Nothing can be kept of a pipe."
        playable = _playable_frames(self._target.partial)
        if playable == 0:
            self._target.discard()
            return "Nothing playable was left, so the unfinished file was removed."
        self._target.publish()
        return f"The first {playable} frames are playable in {self._target.path}."

    def _refused_video(self, fault: AvFault) -> OutputError:
        width, height = self._info.stored_size
        return OutputError(
            f"{self.settings.codec} cannot encode {width}x{height} pictures into {self._name} ({reason(fault)}). "
            "Choose another codec: h264 takes every size from 2x2 up."
        )


def _playable_frames(path: Path) -> int:
    """Count the whole video packets that a file holds."""
    count = 0
    try:
        with av.open(f"file:{path}", "r") as container:
            for packet in container.demux(video=0):
                count += packet.size > 0 and not packet.is_corrupt
    except AV_FAULTS as fault:
        _log.debug("%s: %s", path, reason(fault))
    return count
