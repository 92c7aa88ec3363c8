"""The report as Markdown: the table first, then what makes it checkable."""

from collections.abc import Iterable, Sequence

from bench.report import Report
from bench.row import RowResult, reference_of
from bench.timing import FEW_SAMPLES, median_interval, paired_ratio, paired_ratios

_HEADER = (
    *("row", "UNet evaluations", "median ms", "p95 ms", "p99 ms", "spread", "n", "fps", "against the graph"),
    *("its 95 % interval", "GFLOP", "time / floor", "utilisation", "first call ms", "peak MB", "remarks"),
)


def markdown_from_report(report: Report) -> str:
    """Return the whole report."""
    settings = report.settings
    title = (
        f"# Latency: base {settings['base']}, {settings['size']}, {settings['precision']}, batch {settings['batch']}, "
        f"{settings['device']}"
    )
    parts = [title, latency_table(report), _floor_text(report), _cold_start_table(report), _video_text(report)]
    parts += [_size_table(report), _environment_text(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def latency_table(report: Report) -> str:
    """Return the table of rows."""
    baseline = graph_row(report)
    return markdown_table(_HEADER, (_cells(row, baseline, report) for row in report.rows))


def graph_row(report: Report) -> RowResult | None:
    """Return the row that others are compared with, if any graph was measured."""
    return reference_of((row for row in report.rows if row.timing), report.settings["precision"])


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with its numbers to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def utilisation(row: RowResult, report: Report) -> float | None:
    """Return the share of the matrix rate between the rows' turns at which a row's operations were done."""
    if row.timing is None:
        return None
    return row.flops / (row.timing.median_ms / 1e3) / (report.rates_between or report.rates)["matrix_flops_per_second"]


def _cells(row: RowResult, baseline: RowResult | None, report: Report) -> list[str]:
    evaluations = str(row.evaluations) if row.evaluations else "none"
    if row.timing is None:
        empty = [""] * (len(_HEADER) - 3)
        return [row.label, evaluations, *empty, f"**not run**: {row.reason}".replace("\n", " ")]
    timing, rate = row.timing, row.frames_per_second
    against = paired_ratio(timing, baseline.timing) if baseline and baseline.timing else None
    interval = _interval(row, baseline)
    return [
        *(row.label, evaluations, number(timing.median_ms), number(timing.p95_ms), number(timing.p99_ms)),
        *(f"{timing.spread:.1%}", str(timing.count), number(rate), f"{number(against)}x", interval),
        *(number(row.flops / 1e9), number(row.over_floor), f"{utilisation(row, report) or 0.0:.0%}"),
        *(number(row.first_call_ms), number((row.peak_host_bytes or 0) / 1e6), "; ".join(row.marks)),
    ]


def _interval(row: RowResult, baseline: RowResult | None) -> str:
    """Return between what a row's ratio lies; nothing for the graph itself, and where calls are not paired."""
    if row is baseline or baseline is None or row.timing is None or baseline.timing is None:
        return ""
    if not row.timing.at_seconds or not baseline.timing.at_seconds:
        return ""
    return " to ".join(map(number, median_interval(paired_ratios(row.timing, baseline.timing))))


def number(value: float | None) -> str:
    """Return a number with three significant digits, and all of those before the point."""
    if value is None:
        return ""
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{decimals}f}"


def _floor_text(report: Report) -> str:
    start, end = report.rates_start, report.rates_end
    parts = ", ".join(f"{part} {flops / 1e9:.2f}" for part, flops in report.part_flops.items())
    return (
        "## The floor\n\n"
        f"Matrix rate {start['matrix_flops_per_second'] / 1e9:.1f} GFLOP/s before the rows and "
        f"{end['matrix_flops_per_second'] / 1e9:.1f} after them, the best of many products; copies "
        f"{start['copy_bytes_per_second'] / 1e9:.1f} and {end['copy_bytes_per_second'] / 1e9:.1f} GB/s."
        f"{_between_text(report)} "
        "The floor of a row is its operations at the best matrix rate, or its weights read once for each UNet call at "
        f"the best copy rate, whichever is longer.\n\nGFLOP of one frame of the one-step generator: {parts}."
        f"{_ratio_text(report)}"
    )


def _between_text(report: Report) -> str:
    between = report.rates_between
    if between is None:
        return ""
    return (
        f" Between the turns of the rows the medians of {report.rates_count} samples were "
        f"{between['matrix_flops_per_second'] / 1e9:.1f} GFLOP/s, which utilisation is a share of, and "
        f"{between['copy_bytes_per_second'] / 1e9:.1f} GB/s.{_quiet_text(report)}"
    )


def _quiet_text(report: Report) -> str:
    """Say what others took of the machine meanwhile: ratios of two runs agree as far as it was left alone."""
    texts = []
    if report.rates_spread is not None:
        texts.append(f"the middle half of these rates is {report.rates_spread:.0%} wide")
    if report.stolen_share is not None:
        texts.append(f"a hypervisor gave {report.stolen_share:.1%} of the processors' time to others")
    return f" How quiet the machine was: {', and '.join(texts)}." if texts else ""


def _ratio_text(report: Report) -> str:
    graph, many = graph_row(report), report.row("sdedit-50")
    if graph is None or graph.timing is None or many is None or many.timing is None:
        return ""
    measured, by_flops = paired_ratio(many.timing, graph.timing), many.flops / graph.flops
    return (
        f"\n\nSDEdit with 50 steps has {by_flops:.1f} times the graph's operations and takes {measured:.1f} times as "
        f"long ({measured / by_flops - 1:+.0%}): the graph computes at {utilisation(graph, report):.0%} of the matrix "
        f"rate, SDEdit at {utilisation(many, report):.0%}."
    )


def _cold_start_table(report: Report) -> str:
    rows = [row for row in report.rows if row.cold_start]
    if not rows:
        return ""
    names = list(rows[0].cold_start or {})
    header = ["row", *(f"{name} s" for name in names), "to the first frame s"]
    cells = [[row.label, *(f"{s:.2f}" for s in values), f"{sum(values):.2f}"] for row, values in map(_seconds, rows)]
    return "## Cold start, in a fresh process\n\n" + markdown_table(header, cells)


def _seconds(row: RowResult) -> tuple[RowResult, list[float]]:
    return row, list((row.cold_start or {}).values())


def _video_text(report: Report) -> str:
    video = report.video
    if not video:
        return ""
    if "reason" in video:
        return f"## Video\n\nNot measured: {video['reason']}."
    return (
        f"## Video\n\n{video['frames']} frames of {video['size']} decoded, translated and encoded: "
        f"{video['end_to_end_fps']:.2f} frames/s end to end, {video['engine_fps']:.2f} by the engine alone, frames in "
        f"memory; ratio {video['ratio']:.3f}."
    )


def _size_table(report: Report) -> str:
    if not report.sizes:
        return ""
    cells = [[str(each["size"]), number(float(each["median_ms"])), number(float(each["fps"]))] for each in report.sizes]
    return "## The graph at other sizes\n\n" + markdown_table(("size", "median ms", "fps"), cells)


def _environment_text(report: Report) -> str:
    lines = [f"- {name}: {value}" for name, value in report.environment.items()]
    lines += [f"- {note}" for note in report.notes]
    cut = " It was interrupted." if report.interrupted else ""
    return (
        f"## How it was made\n\n    {report.command}\n\nThe run took {report.seconds:.0f} seconds.{cut} "
        f"Rows took turns. Percentiles are by nearest rank; with fewer than {FEW_SAMPLES} calls a row is marked. "
        "Intervals are by ranks, of each call over the graph's calls near it; fewer than six calls give their whole "
        "range, and less confidence.\n\n" + "\n".join(lines)
    )
