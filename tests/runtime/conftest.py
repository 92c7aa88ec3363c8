"""Small clips made with PyAV: constant and variable rate, sound, 10 bits, turned, tagged, odd sizes, cut off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

TIME_BASE = Fraction(1, 12800)
STEP = 512  # 25 frames per second


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What a clip is made of."""

    frames: int = 10
    size: tuple[int, int] = (64, 48)
    pts: Sequence[int] | None = None
    time_base: Fraction = TIME_BASE
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    audio: str | None = None
    turn_degrees: int = 0
    mirrored: bool = False
    tags: tuple[int, int, int, int] | None = None
    """Primaries, transfer, matrix, range."""
    sample_aspect_ratio: Fraction | None = None
    options: tuple[tuple[str, str], ...] = ()
    picture: Callable[[int, int, int], np.ndarray] | None = None
    """Index, width, height to uint8 `[h, w, 3]`."""


def noise(index: int, width: int, height: int) -> np.ndarray:
    """Picture that does not compress, different for each index."""
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_clip(path: Path, clip: Clip) -> Path:
    """Encode a clip."""
    with av.open(str(path), "w", options=dict(clip.options)) as container:
        _fill(container, clip)
    return path


def _fill(container: OutputContainer, clip: Clip) -> None:
    width, height = clip.size
    fast = {"crf": "4", "preset": "ultrafast", "g": "12"} if clip.codec == "libx264" else {}
    video = container.add_stream(clip.codec, rate=25, options=fast, width=width, height=height)
    assert isinstance(video, VideoStream)
    video.pix_fmt = clip.pixel_format
    context = video.codec_context
    context.time_base = clip.time_base
    if clip.tags is not None:
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = clip.tags
    if clip.sample_aspect_ratio is not None:
        context.sample_aspect_ratio = clip.sample_aspect_ratio
    if clip.turn_degrees or clip.mirrored:
        video.set_display_rotation(clip.turn_degrees, hflip=clip.mirrored)
    audio = container.add_stream(clip.audio, rate=48000) if clip.audio else None
    if audio is not None:
        assert isinstance(audio, AudioStream)
        audio.layout = "mono"
    pts = clip.pts or [index * STEP for index in range(clip.frames)]
    samples = 0
    for index, time in enumerate(pts):
        frame = av.VideoFrame.from_ndarray((clip.picture or noise)(index, width, height))
        matrix, colour_range = (clip.tags[2], clip.tags[3]) if clip.tags else (5, 1)
        frame = frame.reformat(
            format=clip.pixel_format, dst_colorspace=1 if matrix == 1 else 5, dst_color_range=colour_range or 1
        )
        frame.pts, frame.time_base = time, clip.time_base
        container.mux(video.encode(frame))
        while audio is not None and samples / 48000 <= float((time + STEP) * clip.time_base):
            sound = _silence(audio, samples)
            samples += sound.samples
            container.mux(audio.encode(sound))
    container.mux(video.encode(None))
    if audio is not None:
        container.mux(audio.encode(None))


def _silence(stream: AudioStream, pts: int) -> av.AudioFrame:
    frame = av.AudioFrame(format=stream.format.name, layout="mono", samples=stream.codec_context.frame_size or 1024)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate, frame.pts = 48000, pts
    return frame


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a clip into the test's folder: name, then the fields of `Clip`."""

    def make(name: str = "clip.mp4", **fields: Any) -> Path:
        return write_clip(tmp_path / name, Clip(**fields))

    return make


@pytest.fixture
def cut_file() -> Callable[..., Path]:
    """Return a function that copies the first part of a file."""

    def cut(path: Path, share: float) -> Path:
        data = path.read_bytes()
        shorter = path.with_name(f"cut-{path.name}")
        shorter.write_bytes(data[: int(len(data) * share)])
        return shorter

    return cut


@pytest.fixture
def patches() -> Callable[..., np.ndarray]:
    """Return a function that paints eight vertical bars of known colours: index, width, height."""

    colours = [(0, 0, 0), (255, 255, 255), (200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (90, 90, 90)]

    def paint(index: int, width: int, height: int) -> np.ndarray:
        picture = np.empty((height, width, 3), np.uint8)
        for number, colour in enumerate(colours):
            picture[:, number * width // len(colours) :] = colour
        return picture

    return paint
