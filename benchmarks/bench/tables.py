"""The table of rows, its numbers, and the row that all others are compared with."""

import math
from collections.abc import Callable, Iterable, Sequence

from bench.intervals import ratio_interval
from bench.report import Report
from bench.row import RowResult, reference_of
from bench.timing import TAIL_SAMPLES, Timing, paired_ratio

_SHORT = ("row", "UNet evaluations", "median ms", "n", "against", "its 95 % interval", "remarks")


def latency_table(report: Report) -> str:
    """Return the table of rows."""
    columns = _columns(report)
    return markdown_table(list(columns), (_cells(row, columns) for row in report.rows))


def short_table(report: Report) -> str:
    """Return the rows that ran, with what a page has room for."""
    columns = {name: cell for name, cell in _columns(report).items() if name.startswith(_SHORT)}
    return markdown_table(list(columns), (_cells(row, columns) for row in report.rows if row.timing))


def graph_row(report: Report) -> RowResult | None:
    """Return the row that others are compared with, if any graph was measured."""
    return reference_of((row for row in report.rows if row.timing), report.settings["precision"])


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with its numbers to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def utilisation(row: RowResult, report: Report) -> float | None:
    """Return the share of the matrix rate at which a row's operations were done.

    The rate is that between the rows' turns; of a row in another precision than the run's, the best in its own.
    """
    if row.timing is None:
        return None
    rate = (report.rates_between or report.rates)["matrix_flops_per_second"]
    if row.precision != report.settings["precision"]:
        rate = report.matrix_rates.get(row.precision or "", rate)
    return row.flops / (row.timing.median_ms / 1e3) / rate


def number(value: float | None) -> str:
    """Return a number with three significant digits, and all of those before the point; nothing for None."""
    if value is None:
        return ""
    rounded = float(f"{value:.3g}")
    exponent = math.floor(math.log10(abs(rounded))) if rounded else 0
    return f"{value:.{max(2 - exponent, 0) if rounded else 0}f}"


def _against_text(row: RowResult, baseline: RowResult | None) -> str:
    """Return how many times as long as the baseline's a row's frames take; nothing where either was not measured."""
    if baseline is None or row.timing is None or baseline.timing is None:
        return ""
    ratio = 1.0 if row is baseline else paired_ratio(row.timing, baseline.timing)
    return f"{number(ratio)}x"


def interval_text(row: RowResult, baseline: RowResult | None) -> str:
    """Return between what a row's ratio lies; nothing for the baseline itself, and where the calls cannot say."""
    if row is baseline or baseline is None or row.timing is None or baseline.timing is None:
        return ""
    interval = ratio_interval(row.timing, baseline.timing)
    return " to ".join(map(number, interval)) if interval else ""


def _columns(report: Report) -> dict[str, Callable[[RowResult, Timing], str]]:
    """Return the headers of the table, each with what gives a row's cell."""
    graph = graph_row(report)
    columns: dict[str, Callable[[RowResult, Timing], str]] = {
        "row": lambda row, timing: row.label,
        "UNet evaluations": lambda row, timing: _evaluations(row),
        "median ms": lambda row, timing: number(timing.median_ms),
        "p95 ms": lambda row, timing: _tail(row, timing, 95, timing.p95_ms),
        "p99 ms": lambda row, timing: _tail(row, timing, 99, timing.p99_ms),
        "spread": lambda row, timing: "" if row.is_partial else f"{timing.spread:.1%}",
        "n": lambda row, timing: str(timing.count),
        "fps": lambda row, timing: number(row.frames_per_second),
        f"against {graph.name if graph else 'the graph'}": lambda row, timing: _against_text(row, graph),
        "its 95 % interval": lambda row, timing: interval_text(row, graph),
        "GFLOP": lambda row, timing: number(row.flops / 1e9),
        "time / floor": lambda row, timing: number(row.over_floor),
        "utilisation": lambda row, timing: _percent(utilisation(row, report)),
        "first call ms": lambda row, timing: number(row.first_call_ms),
        "peak MB": lambda row, timing: _megabytes(row.peak_host_bytes),
        "remarks": lambda row, timing: "; ".join(row.marks),
    }
    if report.settings["device"] == "cuda":
        remarks = columns.pop("remarks")
        columns |= {"peak GPU MB": lambda row, timing: _megabytes(row.peak_device_bytes), "remarks": remarks}
    return columns


def _cells(row: RowResult, columns: dict[str, Callable[[RowResult, Timing], str]]) -> list[str]:
    if row.timing is None:
        empty = [""] * (len(columns) - 3)
        return [row.label, _evaluations(row), *empty, f"**not run**: {row.reason}".replace("\n", " ")]
    return [cell(row, row.timing) for cell in columns.values()]


def _evaluations(row: RowResult) -> str:
    return str(row.evaluations) if row.evaluations else "none"


def _tail(row: RowResult, timing: Timing, percent: int, value_ms: float) -> str:
    """Return a percentile; nothing where it would be the slowest call, or of steps that were not run."""
    return "" if row.is_partial or timing.count < TAIL_SAMPLES[percent] else number(value_ms)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _megabytes(count: int | None) -> str:
    return "" if count is None else number(count / 1e6)
