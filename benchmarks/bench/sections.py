"""The report as Markdown: the table first, then what makes it checkable."""

from collections.abc import Sequence

from bench.intervals import LEAST_CALLS
from bench.ratio_text import ratio_text
from bench.report import Report
from bench.row import RowResult
from bench.tables import latency_table, markdown_table, number
from bench.timing import FEW_SAMPLES, TAIL_SAMPLES


def markdown_from_report(report: Report) -> str:
    """Return the whole report."""
    settings = report.settings
    title = (
        f"# Latency: base {settings['base']}, {settings['size']}, {settings['precision']}, batch {settings['batch']}, "
        f"{settings['device']}"
    )
    parts = [title, latency_table(report), _floor_text(report), _cold_start_table(report), _video_text(report)]
    parts += [_size_table(report), _left_out_text(report), _environment_text(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


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
        f"the best copy rate, whichever is longer.{_precisions_text(report)}\n\n"
        f"GFLOP of one frame of the one-step generator: {parts}."
        f"{ratio_text(report)}"
    )


def _precisions_text(report: Report) -> str:
    """Say what the floors of rows in other precisions are by."""
    if not report.matrix_rates:
        return ""
    rates = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in sorted(report.matrix_rates.items()))
    return f" A row's matrix rate is the best of its own precision and of wider ones; GFLOP/s by precision: {rates}."


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
    if report.others_share is not None:
        texts.append(f"other processes of this machine took {report.others_share:.1%} of it")
    return f" How quiet the machine was: {_listed(texts)}." if texts else ""


def _listed(texts: Sequence[str]) -> str:
    return ", and ".join([*([", ".join(texts[:-1])] if texts[:-1] else []), texts[-1]])


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
    if not video or "reason" in video:
        return ""
    return (
        f"## Video\n\n{video['frames']} frames of {video['size']} decoded, translated and encoded: "
        f"{number(float(video['end_to_end_fps']))} frames/s end to end, {number(float(video['engine_fps']))} by the "
        f"engine alone, frames in memory, before and after it; ratio {video['ratio']:.3f}."
    )


def _size_table(report: Report) -> str:
    if not report.sizes:
        return ""
    header = ("size", "median ms", "fps", f"against {report.settings['size']}, in turn")
    cells = [
        [str(each["size"]), *(number(float(each[name])) for name in ("median_ms", "fps")), _size_ratio(each)]
        for each in report.sizes
    ]
    return "## The graph at other sizes\n\n" + markdown_table(header, cells)


def _size_ratio(figures: dict[str, float | str]) -> str:
    """Return a size's ratio to the run's own; nothing in reports that were kept before it was measured."""
    return f"{number(float(figures['ratio']))}x" if "ratio" in figures else ""


def _left_out_text(report: Report) -> str:
    reasons = dict(report.left_out)
    if "reason" in report.video:
        reasons["a video, end to end"] = str(report.video["reason"])
    if not reasons:
        return ""
    return "## Not measured\n\n" + "\n".join(f"- {name}: {reason}" for name, reason in reasons.items())


def _environment_text(report: Report) -> str:
    lines = [f"- {name}: {value}" for name, value in report.environment.items()]
    lines += [
        f"- SHA-256 of {row.name}, {name}: {sha}" for row in report.rows for name, sha in row.graph_sha256.items()
    ]
    lines += [f"- {note}" for note in report.notes]
    cut = " It was interrupted." if report.interrupted else ""
    p95, p99 = TAIL_SAMPLES[95], TAIL_SAMPLES[99]
    return (
        f"## How it was made\n\n    {report.command}\n\nThe run took {report.seconds:.0f} seconds.{cut} "
        f"Rows took turns. Percentiles are by nearest rank: of fewer than {p95} calls p95, and of fewer than {p99} p99 "
        "would be the slowest call and is left blank. So are both, and the spread, of rows that ran some of their "
        f"steps. With fewer than {FEW_SAMPLES} calls a row is marked. Intervals are by a bootstrap of blocks of time "
        "that draws the calls of both rows (Kuensch 1989; Politis and Romano 1992); with fewer than "
        f"{LEAST_CALLS} calls of either there is none.\n\n" + "\n".join(lines)
    )
