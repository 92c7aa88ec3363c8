"""What a run over a video did, in numbers that a user can read and a program can compare."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from onestep.errors import OutputError
from onestep.frame_size import FrameSize
from onestep.runtime.text_file import write_whole
from onestep.runtime.video.target import check_target


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
    frames_at_a_time: int
    """How many frames the engine had in work at a time, at most: 2 take longer each, and more come out."""
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


def check_report(path: Path, *, source: str, output: str | Path, overwrite: bool) -> None:
    """Make sure that a report can be written, before the work starts.

    Args:
        path: Where it shall be.
        source: The video that is read, which is never overwritten.
        output: Where the result goes.
        overwrite: Replace an older file.

    Raises:
        OutputError: A folder, none around it, a file that exists and may not be overwritten, or one of the videos.
    """
    if output != "-" and path.resolve() == Path(output).resolve():
        raise OutputError(f"The report {path} is the output, too. Name another file.")
    check_target(path, suffixes=(path.suffix.lower(),), source=Path(source), overwrite=overwrite)


def write_report(report: VideoReport, path: Path, *, overwrite: bool) -> None:
    """Write the report as JSON.

    Raises:
        OutputError: The file cannot be written, or one has appeared there that may not be overwritten.
    """
    write_whole(path, text_from_report(report), overwrite=overwrite)
