"""Translate a video to night: `run.py [INPUT OUTPUT]`; without arguments, a drive that is rendered first."""

import sys
from pathlib import Path

from onestep.cli.render_video import render_video
from onestep.domains import embedded_bundle
from onestep.runtime import SessionOptions, translate_video

source, output = (Path(name) for name in (sys.argv[1:] or ("day.mp4", "night.mp4")))
if not sys.argv[1:] and not source.exists():
    render_video(source, condition="day", seconds=1.0, size="320x192", fps=10, seed=3)

report = translate_video(
    source,
    output,
    session=SessionOptions(bundle=embedded_bundle("day2night")),
    overwrite=not sys.argv[1:],
    on_progress=lambda progress: print(f"\r{progress.frames_written} frames", end="", file=sys.stderr),
)
print(f"\n{report.frames_written} frames at {report.internal_size}, {report.end_to_end_fps:.1f} frames per second")
