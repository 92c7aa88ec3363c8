"""What a user names as the input of a video command, and opening it with one clear message for each failure.

A path is a file; `-` is standard input; a number is a camera (`0` is /dev/video0); a text with `://` is a stream that
FFmpeg opens (rtsp, http, udp ...). A file whose name is a number is written `./0`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from onestep.errors import InputError, MissingInputError
from onestep.runtime.video.faults import AV_FAULTS, AvFault, is_denied, reason
from onestep.runtime.video.lengths import is_mp4_without_index
from onestep.runtime.video.standard_input import StandardInput

_OPEN_TIMEOUT_SECONDS: Final = 15.0
_READ_TIMEOUT_SECONDS: Final = 30.0
_TEXT_FORMATS: Final = {"tty", "bin", "xbin", "adf", "idf"}


@dataclass(frozen=True)
class Source:
    """One input of video."""

    kind: Literal["file", "pipe", "camera", "stream"]
    name: str
    """What messages call it."""
    address: str
    """What FFmpeg opens."""
    path: Path | None = None
    """The file on disk; `None` for every other kind."""


def source_from_text(text: str | Path) -> Source:
    """Tell files, standard input, cameras and streams apart. A `Path` is always a file."""
    if isinstance(text, Path):
        return _file(text)
    if text == "-":
        return Source("pipe", "standard input", "pipe:0")
    if text.isdecimal():
        return Source("camera", f"camera {text}", f"/dev/video{text}")
    if text.startswith("/dev/video"):
        return Source("camera", f"camera {text}", text)
    if "://" in text:
        return Source("stream", text, text)
    return _file(Path(text))


def open_source(source: Source, *, hwaccel: HWAccel | None = None, pipe: StandardInput | None = None) -> InputContainer:
    """Open an input for demuxing.

    Streams time out after 15 s without an answer and 30 s without data; files, pipes and cameras are waited for.

    Args:
        source: What to open.
        hwaccel: What decodes in PyAV's place where a stream's codec allows; None decodes in software.
        pipe: What to read standard input through; the container keeps it, the caller closes it after the container.

    Raises:
        MissingInputError: A file or a camera that does not exist.
        InputError: Anything else that keeps it from being read as a video.
    """
    _check(source)
    options = {"rtsp_transport": "tcp"} if source.address.startswith("rtsp") else {}
    timeout = (_OPEN_TIMEOUT_SECONDS, _READ_TIMEOUT_SECONDS) if source.kind == "stream" else None
    container_format = "v4l2" if source.kind == "camera" else None
    try:
        container = av.open(
            pipe or source.address, "r", format=container_format, options=options, timeout=timeout, hwaccel=hwaccel
        )
    except AV_FAULTS as fault:
        raise _open_error(source, fault) from fault
    if container.format.name in _TEXT_FORMATS:
        container.close()
        raise InputError(f"{source.name} is a text file, not a video. Give a video file such as .mp4 or .mkv.")
    return container


def _file(path: Path) -> Source:
    return Source("file", str(path), f"file:{path}", path)


def _check(source: Source) -> None:
    if source.kind == "pipe" and sys.stdin is not None and sys.stdin.isatty():
        raise InputError("Standard input is a terminal, not a video. Pipe one in: cat video.mkv | onestep run-video -")
    if source.kind == "camera" and not Path(source.address).exists():
        found = ", ".join(sorted(str(device) for device in Path("/dev").glob("video*"))) or "none"
        raise MissingInputError(f"There is no {source.name}: {source.address} does not exist. Cameras found: {found}.")
    if source.path is not None:
        _check_file(source.path)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a video. Give one video file, such as {path / 'video.mp4'}.")
    if not path.exists():
        raise MissingInputError(f"There is no file {path}. Check the path; relative paths start at {Path.cwd()}.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes), so there is no video in it. Record or copy it again.")


def _open_error(source: Source, fault: AvFault) -> InputError:
    why = reason(fault)
    if is_denied(fault):
        return InputError(f"{source.name} may not be read ({why}). Ask for read permission or copy it.")
    if source.path is not None and source.path.is_file() and is_mp4_without_index(source.path):
        return InputError(
            f"{source.path} is an MP4 file without its index (no moov box): the recording or the download was cut off "
            "before its end, and nothing can be decoded. Copy it again, or repair it with a tool such as untrunc."
        )
    if source.kind == "stream":
        return InputError(f"{source.name} cannot be opened ({why}). Check the address and that the server is running.")
    if source.kind == "pipe":
        return InputError(
            f"Standard input is not a video that can be read as it arrives ({why}). Pipe Matroska, MPEG-TS, or an MP4 "
            "whose index comes first (ffmpeg -movflags +faststart)."
        )
    return InputError(f"{source.name} is not a video that FFmpeg can read ({why}). Give a file such as .mp4 or .mkv.")
