"""`onestep run-image`: pictures through a bundle."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from onestep.errors import InputError

if TYPE_CHECKING:
    from onestep.runtime.translate_pictures import PictureResult


def run_image(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A picture, a folder, or a pattern in quotes.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="A picture, or for several a folder.", show_default="INPUT's name.DOMAIN, here"
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
    overwrite: OverwriteOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the pictures as JSON.")] = False,
) -> None:
    """Translate a picture, or all pictures of a folder or pattern, each at its own size.

    Without -o the result lies in the current folder: road.jpg becomes road.day2night.jpg, and the folder drive becomes
    drive.day2night with the same names in it.
    """
    from onestep.runtime import SessionOptions
    from onestep.runtime.picture_jobs import picture_jobs
    from onestep.runtime.translate_pictures import translate_pictures

    opened = chosen_bundle(domain, bundle)
    jobs = picture_jobs(source, output, opened.manifest.domain)
    with shown_progress("pictures") as tell:
        results = translate_pictures(
            jobs,
            options=SessionOptions(
                bundle=opened,
                backend=backend,
                size=size,
                threads=threads,
                prepare=prepare,
                detail=detail,
                strength=strength,
                seed=seed,
            ),
            overwrite=overwrite,
            on_open=say_what_runs,
            on_progress=lambda done: tell(done, len(jobs)),
        )
    _print_results(results, as_json=as_json)
    _raise_failures(results)


def _print_results(results: Sequence["PictureResult"], *, as_json: bool) -> None:
    """Print the outputs on stdout, and on stderr what could not be read."""
    written = [result.job for result in results if result.error is None]
    if as_json:
        print(json.dumps([{"input": str(job.source), "output": str(job.output)} for job in written], indent=2))
    else:
        for job in written:
            print(job.output)
    if len(results) > 1:
        for result in results:
            if result.error is not None:
                print(result.error, file=sys.stderr)


def _raise_failures(results: Sequence["PictureResult"]) -> None:
    failed = [result.error for result in results if result.error is not None]
    if len(results) == len(failed) == 1:
        raise failed[0]
    if failed:
        raise InputError(f"{len(failed)} of {len(results)} pictures could not be read; the others are translated.")
