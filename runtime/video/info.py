"""What is known about a video before it is translated: enough for the writer to give the output the source's shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from onestep.runtime.video.colour import ColourTags, tags_of
from onestep.runtime.video.orientation import Orientation, orientation_of
from onestep.runtime.video.source import Source

_CONTAINER_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder"}
_FALLBACK_RATE = Fraction(25)


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Shape of a video. A synthetic source needs only the size and the time base."""

    width: int
    """Width of the upright picture in pixels."""
    height: int
    """Height of the upright picture in pixels."""
    time_base: Fraction
    """Seconds per unit of pts."""
    name: str = "video"
    """What messages call the source."""
    path: Path | None = None
    """The source's file; `None` for pipes, cameras and streams."""
    frame_count: int | None = None
    """Number of frames: an estimate from the container's header. `None` for pipes, cameras and streams."""
    frame_rate: Fraction | None = None
    """Average frames per second, `None` where it is unknown."""
    duration_seconds: float | None = None
    """Length as the container gives it, `None` where it does not."""
    orientation: Orientation = field(default_factory=Orientation)
    """How stored pictures turn upright."""
    pixel_format: str = "yuv420p"
    """FFmpeg's name of the source's pixel format."""
    bit_depth: int = 8
    """Bits per sample of the source; the output has 8."""
    colour: ColourTags = field(default_factory=ColourTags)
    sample_aspect_ratio: Fraction | None = None
    """Width over height of one stored pixel, `None` where it is not said."""
    has_audio: bool = False
    is_live: bool = False
    """True for cameras and for sources opened with `live=True`: they do not wait for the reader."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Title, creation time and the like, from the container."""

    @property
    def rotation_degrees(self) -> int:
        """Counter-clockwise turn from stored to shown, in (-180, 180]."""
        return self.orientation.rotation_degrees

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height in pixels as stored in the file, before the turn."""
        return self.orientation.size(self.width, self.height)

    @property
    def frame_step(self) -> int:
        """Usual distance of two frames in units of pts, at least 1."""
        return max(1, round(1 / ((self.frame_rate or _FALLBACK_RATE) * self.time_base)))


def info_of(
    source: Source, container: InputContainer, stream: VideoStream, frame: av.VideoFrame, *, live: bool
) -> VideoInfo:
    """Collect what the container, the stream and the first decoded frame say about a video."""
    orientation = orientation_of(frame)
    width, height = orientation.size(frame.width, frame.height)
    is_live = live or source.kind == "camera"
    duration = None if is_live or source.kind == "pipe" else _duration_seconds(container, stream)
    rate = stream.average_rate or stream.guessed_rate
    return VideoInfo(
        width=width,
        height=height,
        time_base=frame.time_base or stream.time_base or 1 / _FALLBACK_RATE,
        name=source.name,
        path=source.path,
        frame_count=_frame_count(stream, rate, duration),
        frame_rate=rate,
        duration_seconds=duration,
        orientation=orientation,
        pixel_format=frame.format.name,
        bit_depth=max(component.bits for component in frame.format.components),
        colour=tags_of(frame),
        sample_aspect_ratio=stream.sample_aspect_ratio or None,
        has_audio=bool(container.streams.audio),
        is_live=is_live,
        metadata={key: value for key, value in container.metadata.items() if key.lower() not in _CONTAINER_TAGS},
    )


def _duration_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _frame_count(stream: VideoStream, rate: Fraction | None, duration: float | None) -> int | None:
    if duration is None:
        return None
    if stream.frames:
        return stream.frames
    return max(1, round(duration * rate)) if rate else None
