"""The runtime's own cost: a video end to end over the engine alone, the memory that many frames leave behind, and how
old frames are when a live source is faster than the engine. A processor aims at throughput for the video and at latency
for the live source, as `onestep run-video` has it.

python benchmarks/runtime.py
python benchmarks/runtime.py --bundle my.bundle --frames 10000 --json runtime.json
"""

import json as json_text
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from bench.command import run_command
from bench.environment import device_of, environment
from bench.live_age import LiveAge, live_age
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
from onestep.usable_cores import usable_cores

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
    live_seconds: Annotated[
        float, typer.Option(min=0, help="Of a live source twice as fast as the engine [0: none].")
    ] = 10,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file as JSON.")] = None,
) -> None:
    """Measure frames per second end to end, of the engine alone, their ratio, and the growth of memory."""
    opened = chosen_bundle(domain, bundle)
    wanted = frame_size_from_text(size) if size else None
    options = SessionOptions(bundle=opened, backend=backend, size=wanted, threads=threads)
    with tempfile.TemporaryDirectory(prefix="onestep-runtime-") as folder:
        with open_session(replace(options, aim="throughput")) as session:
            rates = _measured(session, Path(folder), frames=frames, rounds=rounds, engine_frames=engine_frames)
            found = environment(device=device_of(session.backend), threads=threads or usable_cores())
            figures = _figures(session, rates, found)
        age = _overloaded(options, Path(folder), seconds=live_seconds) if live_seconds else None
        figures["live"] = None if age is None else _age_figures(age)
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


def _overloaded(options: SessionOptions, folder: Path, *, seconds: float) -> LiveAge:
    """Measure the age of frames from a source that is twice as fast as the engine, which has each frame soon."""
    with open_session(replace(options, aim="latency")) as session:
        engine_rate(session, frames=_WARMUP_FRAMES)
        rate = max(round(2 * engine_rate(session, frames=_WARMUP_FRAMES)), 1)
        size = session.frame_size
        clip = write_clip(folder / "live.mp4", size=size, frames=max(round(seconds * rate), 8), frames_per_second=rate)
        return live_age(session, clip)


def _figures(session: Session, rates: list[VideoRate], found: dict[str, str]) -> dict[str, Any]:
    return {
        "environment": found,
        "bundle": {"base": session.bundle.manifest.base, "precision": session.bundle.manifest.precision},
        "backend": session.backend,
        "size": str(session.frame_size),
        "frames_at_a_time": session.engine.depth,
        "end_to_end_fps": median(rate.end_to_end_fps for rate in rates),
        "engine_fps": median(rate.engine_fps for rate in rates),
        "ratio": median(rate.ratio for rate in rates),
        "growth_bytes_of_last_video": rates[-1].growth_bytes,
        "rounds": [asdict(rate) | {"ratio": rate.ratio} for rate in rates],
    }


def _age_figures(age: LiveAge) -> dict[str, Any]:
    percentiles = {f"age_p{percent}_ms": age.percentile_ms(percent) for percent in (50, 95, 99)}
    return {**asdict(age), **percentiles, "age_growth_ms": age.growth_ms}


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
        f"{_live_text(figures['live'])}"
    )


def _live_text(live: dict[str, Any] | None) -> str:
    if live is None:
        return ""
    return (
        f"\nlive         {live['source_fps']:.0f} frames/s came, {live['frames_out']} of {live['frames_due']} were "
        f"translated; age p50 {live['age_p50_ms']:.0f} ms, p95 {live['age_p95_ms']:.0f} ms, p99 "
        f"{live['age_p99_ms']:.0f} ms, growing by {live['age_growth_ms']:+.0f} ms"
    )


if __name__ == "__main__":
    run_command(runtime)
