"""A video as input: every frame is translated and measured over time, some are kept as pictures, a clip is written."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import av
import numpy as np

from onestep.errors import InputError, SettingError
from onestep.evaluation.inputs import InputPicture
from onestep.evaluation.material import Material
from onestep.evaluation.measures.pixels import Picture
from onestep.evaluation.progress import Stages, Tell
from onestep.evaluation.request import Request
from onestep.evaluation.results import Clip
from onestep.evaluation.translate import session_options
from onestep.evaluation.translators import COPY_INPUT, Translator
from onestep.evaluation.video_findings import VideoFindings, VideoMeter
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import READ_SUFFIXES, write_picture
from onestep.runtime.session import open_session
from onestep.runtime.video.convert import RgbFromFrame
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.writer import VideoWriter

CLIP_SECONDS: Final = 8.0
"""Length of the clips for the report."""

_TEXTS = (".json", ".xml", ".txt", ".csv", ".log", ".md", ".html", ".toml", ".yaml")
_SOUND_AND_WORDS = (".wav", ".mp3", ".m4a", ".aac", ".srt", ".vtt", ".ass")
_NO_VIDEOS = (*READ_SUFFIXES, *_TEXTS, *_SOUND_AND_WORDS)
"""What may lie beside a finished video under its name, such as the report of the run that made it."""
_Translate = Callable[[Picture], Picture | None]


def video_material(
    request: Request, translators: list[Translator], folder: Path, notes: list[str], stages: Stages
) -> Material:
    """Run every translator over the video, or read its finished video beside it.

    Raises:
        SettingError: `truth` was given, which goes with pictures only.
        InputError: A video cannot be read, or a folder of results has none of that name.
    """
    if request.truth is not None:
        raise SettingError(
            "--truth goes with pictures, and --inputs is a video. Leave it out, or give a folder of frames."
        )
    source = Path(request.inputs).expanduser()
    picks = _picked_frames(source, request.video_pictures)
    material = Material(_input_pictures(source, picks, folder / "inputs"), {})
    notes.append(f"{len(material.pictures)} frames of {source.name}, spread evenly, are measured as pictures.")
    for translator in translators:
        with stages(f"translate and measure {source.name} with {translator.name}", "frames") as tell:
            _run(material, translator, source, request, folder, notes, tell)
    return material


def _run(
    material: Material,
    translator: Translator,
    source: Path,
    request: Request,
    folder: Path,
    notes: list[str],
    tell: Tell,
) -> None:
    latencies_ms: list[float] = []
    meter = VideoMeter()
    outputs: dict[str, Path] = {}
    picks = {picture.name for picture in material.pictures}
    made = folder / "outputs" / translator.name
    made.mkdir(parents=True, exist_ok=True)
    frames = 0
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(source))
        translate = stack.enter_context(_translation(translator, request, source, reader.info, latencies_ms, notes))
        clip = stack.enter_context(_clip(translator.name, source, reader.info, folder / "clips"))
        for frame, rgb in rgb_frames(reader):
            output = translate(rgb)
            if output is None:
                notes.append(f"--outputs ({translator.name}): the video ends after {frames} frames, before its input.")
                break
            meter.add(rgb, output)
            clip.add(frame, rgb, output)
            name = _frame_name(frames)
            if name in picks:
                outputs[name] = made / f"{name}.png"
                write_picture(outputs[name], output, overwrite=True)
            frames += 1
            tell(frames, reader.info.frame_count)
        else:
            if translator.bundle is None and translate(rgb) is not None:
                notes.append(f"--outputs ({translator.name}): the video goes on after its input's {frames} frames.")
        rate = float(reader.info.frame_rate or 0)
        if reader.damage is not None and reader.damage not in notes:
            notes.append(reader.damage)
    if frames == 0:
        raise InputError(f"--outputs ({translator.name}): the video holds no frame to compare with {source}.")
    _keep(material, translator.name, outputs, meter.findings(rate), latencies_ms)
    material.clips.append(clip.clip)


def _keep(
    material: Material, row: str, outputs: dict[str, Path], findings: VideoFindings, latencies_ms: list[float]
) -> None:
    material.outputs[row] = outputs
    material.videos[row] = findings
    material.videos.setdefault(COPY_INPUT, findings.of_the_input())
    material.pictures = [picture for picture in material.pictures if picture.name in outputs]
    if latencies_ms:
        material.latencies_ms[row] = latencies_ms


@contextmanager
def _translation(
    translator: Translator,
    request: Request,
    source: Path,
    info: VideoInfo,
    latencies_ms: list[float],
    notes: list[str],
) -> Iterator[_Translate]:
    """Give what translates the next frame: a session, whose latencies are noted, or a finished video."""
    size = FrameSize(info.width, info.height)
    if translator.bundle is None:
        with VideoReader(_made_video(translator, source)) as reader:
            made = FrameSize(reader.info.width, reader.info.height)
            if made != size:
                notes.append(f"--outputs ({translator.name}): the video is {made} and was resized to {size} (Lanczos).")
            frames = rgb_frames(reader, size)
            yield lambda _rgb: next((rgb for _frame, rgb in frames), None)
            if reader.damage is not None:
                raise InputError(
                    f"--outputs ({translator.name}): {reader.damage} Its frames no longer match the input's."
                )
        return
    with open_session(session_options(translator.bundle, request), source_size=size) as session:
        session(np.zeros((info.height, info.width, 3), np.uint8))

        def timed(rgb: Picture) -> Picture:
            start = time.perf_counter()
            output = session(rgb)
            latencies_ms.append((time.perf_counter() - start) * 1000)
            return output

        yield timed


def _made_video(translator: Translator, source: Path) -> Path:
    made = translator.made
    assert made is not None
    if made.is_file():
        return made
    named = sorted(path for path in made.glob("*") if path.stem == source.stem and path.is_file())
    found = [path for path in named if path.suffix.lower() not in _NO_VIDEOS]
    if not found:
        raise InputError(
            f"--outputs {made} has no video named {source.stem}, as the input {source.name} is. Give the video itself."
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"--outputs {made} has several files named {source.stem}: {names}. Give the video itself.")
    return found[0]


class _ClipWriter:
    """Writes the first seconds of a video and of its translation."""

    def __init__(self, clip: Clip, source: VideoWriter, output: VideoWriter, info: VideoInfo) -> None:
        self.clip = clip
        self._writers, self._info = (source, output), info
        self._first_pts: int | None = None

    def add(self, frame: av.VideoFrame, source: Picture, output: Picture) -> None:
        pts = frame.pts or 0
        self._first_pts = pts if self._first_pts is None else self._first_pts
        if float((pts - self._first_pts) * self._info.time_base) < CLIP_SECONDS:
            for writer, rgb in zip(self._writers, (source, output), strict=True):
                writer.write(rgb, pts=pts)


@contextmanager
def _clip(row: str, source: Path, info: VideoInfo, folder: Path) -> Iterator[_ClipWriter]:
    folder.mkdir(parents=True, exist_ok=True)
    clip = Clip(f"{source.name}, {row}", folder / f"{row}.input.mp4", folder / f"{row}.output.mp4")
    with VideoWriter(clip.source, info) as of_source, VideoWriter(clip.output, info) as of_output:
        yield _ClipWriter(clip, of_source, of_output, info)


def rgb_frames(reader: VideoReader, size: FrameSize | None = None) -> Iterator[tuple[av.VideoFrame, Picture]]:
    """Give each frame and its picture, of the video's own size or of another one (Lanczos)."""
    own = FrameSize(reader.info.width, reader.info.height)
    width, height = size or own
    converter = RgbFromFrame(reader.info.orientation, scaling="bicubic" if size in (None, own) else "lanczos")
    for frame in reader:
        rgb = np.empty((height, width, 3), np.uint8)
        converter.into(frame, rgb)
        yield frame, rgb


def _picked_frames(source: Path, wanted: int) -> set[int]:
    with VideoReader(source) as reader:
        count = reader.info.frame_count or sum(1 for _ in reader)
    return {int(index) for index in np.linspace(0, count - 1, min(wanted, count)).round()}


def _input_pictures(source: Path, picks: set[int], folder: Path) -> list[InputPicture]:
    """Write the picked frames as pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    with VideoReader(source) as reader:
        for index, (_frame, rgb) in enumerate(rgb_frames(reader)):
            if index in picks:
                name = _frame_name(index)
                write_picture(folder / f"{name}.png", rgb)
                size = FrameSize(rgb.shape[1], rgb.shape[0])
                pictures.append(InputPicture(name, folder / f"{name}.png", size))
    return pictures


def _frame_name(index: int) -> str:
    return f"frame_{index:06d}"
