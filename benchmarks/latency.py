"""The latency table: one-step graph, one-step PyTorch, a GAN, and multi-step diffusion, side by side in one run.

    python benchmarks/latency.py
    python benchmarks/latency.py --base sd-turbo --random-weights --rows graph,eager,sdedit --budget 1800
    python benchmarks/latency.py --from-json latency-report/latency.json

Without arguments it measures the embedded `tiny` base at 512x288 on the processor, in under three minutes on two cores,
and writes `latency-report/`. Graphs and compiled kernels are kept there, in `work/`: what a first run has no time to
set up is in the table of the next.
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from bench.command import run_command
from bench.progress_line import ProgressLine
from bench.result_files import check_folder, check_place, write_text
from bench.settings import DEFAULT_BUDGET_SECONDS

from onestep.errors import require
from onestep.frame_size import frame_size_from_text

if TYPE_CHECKING:
    from bench.report import Report
    from bench.settings import Settings

INTERRUPTED = 130
PICTURE = "latency.png"
EMBEDDED = "tiny"
"""Small enough to keep its graphs without being asked: two runs need not export them twice."""


def latency(
    base: Annotated[str, typer.Option(help="tiny, sd-turbo, or the folder of a base or generator.")] = EMBEDDED,
    random_weights: Annotated[bool, typer.Option("--random-weights", help="Times do not depend on weights.")] = False,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT [tiny 512x288, others 512x512].")] = None,
    batch: Annotated[int, typer.Option(help="Frames per call of the PyTorch rows.")] = 1,
    precision: Annotated[str, typer.Option(help="Of the PyTorch rows: fp32 or fp16.")] = "fp32",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    rows: Annotated[str, typer.Option(help="Names or families with commas between them [all].")] = "",
    steps: Annotated[int | None, typer.Option(help="Run so many steps at most, mark the row.")] = None,
    strength: Annotated[float, typer.Option(help="SDEdit's share of its steps that is run.")] = 0.8,
    repeats: Annotated[int, typer.Option(help="Calls of each row that are counted, at most.")] = 30,
    warmup: Annotated[int, typer.Option(help="Calls after the first that are not counted.")] = 1,
    budget: Annotated[float, typer.Option(help="Seconds for the whole run.")] = DEFAULT_BUDGET_SECONDS,
    threads: Annotated[int, typer.Option(help="Processor threads of a row [0: all cores].")] = 0,
    memory_limit: Annotated[
        float | None, typer.Option(help="GB this process may take; rows beyond are skipped.")
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(help="Keep what is exported and compiled, and use it again [embedded base: OUTPUT/work]."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("latency-report"),
    json: Annotated[Path | None, typer.Option(help="The report [OUTPUT/latency.json].")] = None,
    markdown: Annotated[Path | None, typer.Option(help="The table [OUTPUT/latency.md].")] = None,
    plot: Annotated[Path | None, typer.Option(help="The first picture [OUTPUT/latency.png].")] = None,
    from_json: Annotated[
        Path | None, typer.Option(help="Measure nothing: write the table and pictures of this.")
    ] = None,
) -> None:
    """Measure the table, print it, and write JSON, Markdown, pictures and one HTML page."""
    json, markdown, plot = json or output / "latency.json", markdown or output / "latency.md", plot or output / PICTURE
    check_folder(output)
    for path in (json, markdown, plot):
        check_place(path)
    if work is not None:
        check_folder(work)
    require("torch", extra="bench", purpose="measure the latency table")
    require("diffusers", extra="bench", purpose="measure the latency table")
    require("matplotlib", extra="bench", purpose="draw the pictures of a benchmark")
    from bench.page import page_from_markdown
    from bench.plots import draw_plots
    from bench.report import report_from_file, text_from_report
    from bench.sections import markdown_from_report
    from bench.settings import Settings
    from bench.tables import latency_table

    if from_json is not None:
        report = report_from_file(from_json)
    else:
        settings = Settings(
            base=base,
            random_weights=random_weights,
            size=frame_size_from_text(size) if size else None,
            batch=batch,
            precision=precision,
            device=device,
            rows=tuple(name for name in rows.split(",") if name),
            steps=steps,
            strength=strength,
            repeats=repeats,
            warmup=warmup,
            budget_seconds=budget,
            threads=threads,
            memory_limit_bytes=None if memory_limit is None else memory_limit * 1e9,
        )
        keep = base == EMBEDDED and not random_weights
        report = _measured(settings, work or (output / "work" if keep else None))
        write_text(json, text_from_report(report))
    text = markdown_from_report(report)
    write_text(markdown, text)
    pictures = draw_plots(report, plot)
    write_text(output / "index.html", page_from_markdown(text, pictures))
    print(latency_table(report))
    print(f"{output}: table, pictures and page, after {report.seconds:.0f} s", file=sys.stderr)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)


def _measured(settings: "Settings", work: Path | None) -> "Report":
    from onestep.training.quiet import quiet_libraries

    with quiet_libraries():  # transformers has its say as its modules are imported
        from bench.measured_report import measured_report

        line = ProgressLine(time.monotonic() + settings.budget_seconds)
        try:
            return measured_report(settings, tell=line, work=work)
        finally:
            line.close()


if __name__ == "__main__":
    run_command(latency)
