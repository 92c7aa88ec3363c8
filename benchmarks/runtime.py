"""The runtime's own cost: a video end to end over the engine alone, and the memory that many frames leave behind.

python benchmarks/runtime.py
python benchmarks/runtime.py --bundle my.bundle --frames 10000 --json runtime.json
"""

import json as json_text
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from bench.command import run_command
from bench.environment import environment
from bench.progress_line import ProgressLine
from bench.result_files import write_text
from bench.video_rate import VideoRate, engine_rate, video_rate, write_clip

from onestep.cli.choose_bundle import (
    BackendOption,
    BundleOption,
    DomainOption,
    SizeOption,
    ThreadsOption,
    chosen_bundle,
)
from onestep.frame_size import frame_size_from_text
from onestep.runtime import Progress, Session
from onestep.runtime.session import SessionOptions, open_session

_WARMUP_FRAMES = 3


def runtime(
    domain: DomainOption = None,
    bundle: BundleOption = None,
    backend: BackendOption = "auto",
    size: SizeOption = None,
    threads: ThreadsOption = None,
    frames: Annotated[int, typer.Option(min=8, help="Of the clip.")] = 150,
    rounds: Annotated[int, typer.Option(min=1, help="Videos, each between two measurements of the engine alone.")] = 3,
    engine_frames: Annotated[int, typer.Option(min=2, help="For each measurement of the engine alone.")] = 40,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file as JSON.")] = None,
) -> None:
    """Measure frames per second end to end, of the engine alone, their ratio, and the growth of memory."""
    opened = chosen_bundle(domain, bundle)
    wanted = frame_size_from_text(size) if size else None
    options = SessionOptions(bundle=opened, backend=backend, size=wanted, threads=threads)
    with open_session(options) as session, tempfile.TemporaryDirectory(prefix="onestep-runtime-") as folder:
        rates = _measured(session, Path(folder), frames=frames, rounds=rounds, engine_frames=engine_frames)
        figures = _figures(session, rates, environment(device="cpu", threads=threads or len(os.sched_getaffinity(0))))
    print(_text(figures))
    if json is not None:
        write_text(json, json_text.dumps(figures, indent=2) + "\n")


def _measured(session: Session, folder: Path, *, frames: int, rounds: int, engine_frames: int) -> list[VideoRate]:
    size = session.frame_size
    clip = write_clip(folder / "clip.mp4", size=size, frames=frames)
    each = (frames + 2 * engine_frames) / engine_rate(session, frames=_WARMUP_FRAMES)
    tell = ProgressLine(time.monotonic() + rounds * each)
    rates = []
    for turn in range(rounds):

        def on_progress(progress: Progress, turn: int = turn) -> None:
            tell(f"video {turn + 1} of {rounds}", progress.frames_written, frames)

        output = folder / "translated.mp4"
        rates.append(video_rate(session, clip, output, engine_frames=engine_frames, on_progress=on_progress))
    tell.close()
    return rates


def _figures(session: Session, rates: list[VideoRate], found: dict[str, str]) -> dict[str, Any]:
    return {
        "environment": found,
        "bundle": {"base": session.bundle.manifest.base, "precision": session.bundle.manifest.precision},
        "backend": session.backend,
        "size": str(session.frame_size),
        "end_to_end_fps": median(rate.end_to_end_fps for rate in rates),
        "engine_fps": median(rate.engine_fps for rate in rates),
        "ratio": median(rate.ratio for rate in rates),
        "growth_bytes_of_last_video": rates[-1].growth_bytes,
        "rounds": [asdict(rate) | {"ratio": rate.ratio} for rate in rates],
    }


def _text(figures: dict[str, Any]) -> str:
    ratios = ", ".join(f"{each['ratio']:.3f}" for each in figures["rounds"])
    frames = figures["rounds"][-1]["frames"]
    return (
        f"{figures['bundle']['base']} ({figures['bundle']['precision']}), {figures['size']} on {figures['backend']}, "
        f"{figures['environment']['machine']}\n"
        f"end to end   {figures['end_to_end_fps']:.2f} frames/s (median of {len(figures['rounds'])} videos)\n"
        f"engine only  {figures['engine_fps']:.2f} frames/s (before and after each video)\n"
        f"ratio        {figures['ratio']:.3f} ({ratios})\n"
        f"memory       {figures['growth_bytes_of_last_video'] / 1e6:+.1f} MB over {frames} frames of the last video"
    )


if __name__ == "__main__":
    run_command(runtime)
