"""`onestep render-video`: a rendered drive, for trying things without footage."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from onestep.cli.choose_bundle import OverwriteOption
from onestep.cli.progress import shown_progress
from onestep.errors import UnknownNameError
from onestep.frame_size import frame_size_from_text

# A time base that expresses every usual frame rate exactly.
_TICKS_PER_SECOND = 90_000


def render_video(
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The video to write: .mp4, .mkv, .mov or .webm.")],
    condition: Annotated[
        str, typer.Option(help="day, night, rain, fog, or the same for all scenes: wet, dark, bright, mild, murky.")
    ] = "day",
    seconds: Annotated[float, typer.Option(min=0.01, help="Length.")] = 6.0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT.")] = "640x360",
    fps: Annotated[int, typer.Option(min=1, max=240, help="Frames per second.")] = 15,
    seed: Annotated[int, typer.Option(help="Another number, another drive.")] = 3,
    overwrite: OverwriteOption = False,
) -> None:
    """Render a drive by day, by night, in rain or in fog."""
    from onestep.runtime.video.info import VideoInfo
    from onestep.runtime.video.writer import VideoWriter
    from onestep.scenes import CONDITIONS, Scene

    if condition not in CONDITIONS:
        raise UnknownNameError("condition", condition, CONDITIONS)
    frame_size = frame_size_from_text(size)
    count = max(1, round(seconds * fps))
    info = VideoInfo(
        width=frame_size.width,
        height=frame_size.height,
        time_base=Fraction(1, _TICKS_PER_SECOND),
        frame_rate=Fraction(fps),
        frame_count=count,
        name="the rendered drive",
    )
    scene = Scene.random(seed)
    writer = VideoWriter(output, info, overwrite=overwrite)
    try:
        with writer, shown_progress("frames") as tell:
            for index in range(count):
                frame = scene.at(index / fps, size=frame_size)
                writer.write(frame.render(condition), pts=index * _TICKS_PER_SECOND // fps)
                tell(index + 1, count)
    except KeyboardInterrupt:
        if writer.frames_written:
            print(f"{output} holds the first {writer.frames_written} of {count} frames.", file=sys.stderr)
        raise
    print(f"{output}: {count} frames of {frame_size}, {condition}")
