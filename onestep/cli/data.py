"""`onestep data`: the pictures of a training."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onestep.cli.progress import shown_progress
from onestep.errors import InputError, require
from onestep.training.trainer.settings import Kind
from onestep.training.trainer.settings_file import default_settings

if TYPE_CHECKING:
    from onestep.training.data.finding import DataReport, Finding

data = typer.Typer(no_args_is_help=True, help="Look after the pictures of a training.")
_SHOWN_FILES = 3


def _default_of(kind: Kind) -> str:
    """Return the preparation of a training for which none was chosen."""
    return default_settings(kind).data.preparation


@data.command("check")
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that a training would get with --data.")],
    preparation: Annotated[
        str | None,
        typer.Option(
            help="How pictures come to size, see docs/data.md.",
            show_default=f"{_default_of('unpaired')}, of pairs {_default_of('paired')}",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Find what would stop or spoil a training: broken, tiny, duplicate and leaking pictures, prompts that are missing.

    Exit status 1 if there is an error; warnings alone leave it at 0.
    """
    require("torch", extra="train", purpose="check training data")
    from onestep.training.data.check import check_data
    from onestep.training.data.preparation import preparation as preparation_from_name

    prepared = preparation_from_name(preparation or _default_preparation(folder))
    with shown_progress("pictures") as tell:
        report = check_data(folder, preparation=prepared, on_progress=tell)
    if as_json:
        print(json.dumps(report.as_json() | {"preparation": prepared.name}, indent=2))
    else:
        _print_table(report, prepared.name)
    errors = report.number_of("error")
    if errors:
        raise InputError(
            f"{folder} has {errors} error{'s'[: errors != 1]} that would stop or spoil a training. "
            "The findings on stdout say which and what to do."
        )


def _default_preparation(folder: Path) -> str:
    """Return the preparation that a training on this folder has if none is chosen."""
    from onestep.training.data.folders import PairedFolder
    from onestep.training.data.layout import recognise_layout

    try:
        found = recognise_layout(folder)
    except InputError:  # the check says it
        return _default_of("unpaired")
    return _default_of("paired" if isinstance(found, PairedFolder) else "unpaired")


def _print_table(report: "DataReport", preparation: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    counts = ", ".join(f"{side} {count}" for side, count in report.counts.items()) or "no pictures"
    console.print(f"{report.layout or 'layout not recognised'}: {counts}", highlight=False)
    console.print(f"preparation: {preparation}", highlight=False)
    if not report.findings:
        console.print("Nothing was found that would stop or spoil a training.")
        return
    table = Table("level", "check", "what was found")
    for finding in report.findings:
        table.add_row(finding.level, finding.check, _text(report, finding))
    console.print(table)


def _text(report: "DataReport", finding: "Finding") -> str:
    """Give a finding's message and its first files, in rich's markup."""
    from rich.markup import escape

    groups = [" = ".join(report.relative(path) for path in group) for group in finding.files[:_SHOWN_FILES]]
    more = len(finding.files) - len(groups)
    files = ", ".join(groups) + (f" and {more} more" if more else "")
    return escape(finding.message + (f"\n{files}" if files else ""))
