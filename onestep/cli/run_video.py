"""`onestep run-video`: a video through a bundle."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from onestep.cli.choose_bundle import (
    BackendOption,
    BundleOption,
    DetailOption,
    DomainOption,
    OverwriteOption,
    PrepareOption,
    SeedOption,
    SizeOption,
    StrengthOption,
    ThreadsOption,
    chosen_bundle,
    say_what_runs,
)
from onestep.cli.progress import shown_progress
from onestep.heap import keep_heap

if TYPE_CHECKING:
    from onestep.runtime import VideoReport

INTERRUPTED = 130


def run_video(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="A file, - for standard input, a camera's number, or a stream's URL.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", help="A file, or - for standard output.", show_default="INPUT's name.DOMAIN.mp4, here"
        ),
    ] = None,
    domain: DomainOption = None,
    bundle: BundleOption = None,
    backend: BackendOption = "auto",
    size: SizeOption = None,
    threads: ThreadsOption = None,
    prepare: PrepareOption = None,
    detail: DetailOption = None,
    strength: StrengthOption = None,
    seed: SeedOption = None,
    live: Annotated[
        bool, typer.Option("--live", help="Newest frame wins; what comes too fast is dropped, and so is sound.")
    ] = False,
    smooth: Annotated[bool, typer.Option("--smooth", help="Steady the result along the picture's motion.")] = False,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Copy the sound.")] = True,
    overwrite: OverwriteOption = False,
    report: Annotated[Path | None, typer.Option(help="Write the run's figures to this JSON file.")] = None,
    crf: Annotated[
        int | None, typer.Option(help="Quality, lower is better.", show_default="h264 20, h265 22, vp9 30")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Speed of the encoder.", show_default="h264 superfast")] = None,
    codec: Annotated[str | None, typer.Option(help="h264, h265 or vp9.", show_default="by the output's suffix")] = None,
    decoder: Annotated[
        Literal["auto", "software", "nvdec"], typer.Option(help="auto takes NVDEC where it is here; nvdec insists.")
    ] = "auto",
    encoder: Annotated[
        Literal["auto", "software", "nvenc"], typer.Option(help="auto takes NVENC where it is here; nvenc insists.")
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Translate a video, with its size, times and sound kept.

    Without -o the result lies in the current folder: drive.mkv becomes drive.day2night.mkv. Ctrl-C finishes the file
    with what was translated until then.
    """
    from onestep.runtime import SessionOptions, translate_video
    from onestep.runtime.report import check_report, text_from_report, write_report
    from onestep.runtime.video.encoder import EncoderSettings

    settings = EncoderSettings(codec=codec, quality=crf, preset=preset, encoder=encoder)
    opened = chosen_bundle(domain, bundle)
    target = output or default_output(source, opened.manifest.domain)
    if report is not None:
        check_report(report, source=source, output=target, overwrite=overwrite)
    keep_heap()  # a frame's pictures are made anew for each frame
    with shown_progress("frames") as tell:
        done = translate_video(
            source,
            target,
            session=SessionOptions(
                bundle=opened,
                backend=backend,
                size=size,
                threads=threads,
                prepare=prepare,
                detail=detail,
                strength=strength,
                seed=seed,
            ),
            audio=audio,
            overwrite=overwrite,
            live=live,
            smooth=smooth,
            decoder=decoder,
            encoder=settings,
            on_open=say_what_runs,
            on_progress=lambda progress: tell(progress.frames_written, progress.frames_total),
        )
    text = text_from_report(done) if as_json else _summary(done)
    print(text, end="", file=sys.stderr if target == "-" else sys.stdout)
    if report is not None:
        write_report(done, report, overwrite=overwrite)
    for name, reason in done.passed_over.items():
        print(f"passed over {name}: {reason}", file=sys.stderr)
    if done.damage is not None:
        print(f"Warning: {done.damage}", file=sys.stderr)
    if done.cut_short:
        print(f"Interrupted: {target} holds the first {done.frames_written} frames.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)


def default_output(source: str, domain: str) -> str:
    """Return the output's name in the current folder: the input's name, the domain, and a suffix that can be written.

    Args:
        source: As the user wrote it. Streams and standard input are called `video`, cameras `camera0` and so on.
        domain: Name of the translation.
    """
    from onestep.runtime.video.encoder import CONTAINERS
    from onestep.runtime.video.source import source_from_text

    named = source_from_text(source)
    if named.path is None:
        stem = f"camera{source.removeprefix('/dev/video')}" if named.kind == "camera" else "video"
        return f"{stem}.{domain}.mp4"
    suffix = named.path.suffix.lower()
    return f"{named.path.stem}.{domain}{suffix if suffix in CONTAINERS else '.mp4'}"


def _summary(report: "VideoReport") -> str:
    dropped = f", {report.frames_dropped} dropped" if report.frames_dropped else ""
    share = report.end_to_end_fps / report.engine_fps if report.engine_fps else 0.0
    return (
        f"{report.output}: {report.frames_written} frames of {report.source_size}, computed at {report.internal_size} "
        f"on {report.backend}; decoded by {report.decoder}, encoded by {report.encoder}\n"
        f"frames      {report.frames_read} read, {report.frames_written} written{dropped}\n"
        f"latency     p50 {report.latency_p50_ms:.1f} ms, p95 {report.latency_p95_ms:.1f} ms, "
        f"p99 {report.latency_p99_ms:.1f} ms\n"
        f"end to end  {report.end_to_end_fps:.2f} frames/s, {share:.1%} of the engine's {report.engine_fps:.2f}\n"
        f"time        {report.seconds:.1f} s, first frame after {report.first_frame_seconds:.2f} s, "
        f"opening {report.opening_seconds:.2f} s\n"
    )
