"""Write the README's latency table and picture from kept results, never by hand.

    python benchmarks/readme.py

What stands between the two marks of README.md is replaced; without the marks nothing is touched.
"""

import os
from pathlib import Path
from typing import Annotated

import typer
from bench.command import run_command
from bench.report import Report, report_from_file
from bench.result_files import write_text
from bench.tables import short_table

from onestep.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- latency: written by python benchmarks/readme.py -->", "<!-- end of latency -->"


def readme(
    results: Annotated[Path, typer.Option(help="Folder of a kept latency.json and its pictures.")] = ROOT
    / "benchmarks/results/cpu-2cores-tiny-512x288",
    path: Annotated[Path, typer.Option("--readme", help="The file to write into.")] = ROOT / "README.md",
) -> None:
    """Replace the README's latency table and picture by those of a kept run."""
    report = report_from_file(results / "latency.json")
    picture = results / "latency.png"
    if not picture.is_file():
        raise InputError(
            f"{picture} is missing. Make it: python benchmarks/latency.py --from-json {results}/latency.json"
        )
    text = readme_section(report, os.path.relpath(picture, path.parent))
    write_text(path, replaced(path.read_text(encoding="utf-8"), text, where=str(path)))
    print(f"{path}: {len(report.rows)} rows from {results}")


def readme_section(report: Report, picture: str) -> str:
    """Return the table of the rows that ran, shortened, and the picture's link."""
    settings = report.settings
    made = f"Base {settings['base']}, {settings['size']}, {settings['precision']}, {report.environment['device']}; "
    made += f"`{report.command}`. Rows took turns in one run of {report.seconds:.0f} s."
    return f"{short_table(report)}\n\n{made}\n\n![latency against network evaluations]({picture})"


def replaced(text: str, section: str, *, where: str) -> str:
    """Return a text with what stands between the marks replaced.

    Raises:
        InputError: The marks are missing or in the wrong order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{where} lacks the lines {BEGIN!r} and {END!r}, between which the table goes. Put them in.")
    return f"{before}{BEGIN}\n{section}\n{END}{after}"


if __name__ == "__main__":
    run_command(readme)
