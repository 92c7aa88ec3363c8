"""What a run over a video did, in numbers that a user can read and a program can compare."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from onestep.errors import OutputError
from onestep.frame_size import FrameSize


@dataclass(frozen=True, kw_only=True)
class VideoReport:
    """Counts, sizes and times of one translated video.

    Latencies come from a histogram with bins 1 % wide, whose size does not grow with the video.
    """

    source: str
    output: str
    domain: str
    base: str
    """Name of the base model of the bundle."""
    backend: str
    decoder: str
    """`nvdec` or `software`."""
    encoder: str
    """FFmpeg's name of it, such as `libx264` or `h264_nvenc`."""
    passed_over: dict[str, str]
    """`nvdec` and `nvenc` where `auto` did not take them, each with the reason."""
    source_size: FrameSize
    internal_size: FrameSize
    """The size at which the graph computed."""
    frames_read: int
    frames_written: int
    frames_dropped: int
    """Frames that were read and not translated because newer ones came; only with live sources."""
    latency_p50_ms: float
    """Median time from handing a frame to the engine to its result."""
    latency_p95_ms: float
    latency_p99_ms: float
    engine_fps: float
    """Frames per second of the time in which the engine had work."""
    end_to_end_fps: float
    """Frames per second from the first frame read to the file finished."""
    first_frame_seconds: float
    """From the start of the reading to the first frame written; opening the bundle is not in it."""
    opening_seconds: float
    """Time to open the source, the output and the bundle."""
    seconds: float
    """From the first frame read to the file finished."""
    cut_short: bool
    """Whether the run was interrupted. What was read until then is in the output."""
    damage: str | None
    """What could not be read of the source, None where nothing is missing."""


def text_from_report(report: VideoReport) -> str:
    """Return the report as indented JSON; sizes are texts such as `512x288`."""
    fields = dataclasses.asdict(report)
    fields |= {name: str(value) for name, value in fields.items() if isinstance(value, FrameSize)}
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def check_report(path: Path) -> None:
    """Raise OutputError if a report cannot go to `path`; called before the work starts."""
    if path.is_dir() or not path.parent.is_dir():
        raise OutputError(f"The report {path} is a folder or lies in none. Name a file in a folder that exists.")


def write_report(report: VideoReport, path: Path) -> None:
    """Write the report as JSON.

    Raises:
        OutputError: The file cannot be written.
    """
    try:
        path.write_text(text_from_report(report), encoding="utf-8")
    except OSError as err:
        raise OutputError(f"The report {path} cannot be written ({err.strerror}). Choose another place.") from err
