"""The pictures of a report: latency against UNet evaluations, where the time goes, frames per second against size."""

from pathlib import Path
from typing import Any

from bench.report import Report
from bench.row import RowResult
from bench.tables import graph_row, number
from onestep.errors import OutputError, require

_DPI = 160
_LINE_POINTS = 10.5
_FEW_SHARE, _FEW = 1 / 12, 4
"""Points with up to this share of the most evaluations, or so many, have their names to their right, others left."""
_LEAST_RIGHT_END = 64.0
"""Of the axis of evaluations: room for the names of a table without a row of many."""
_COLUMN = 1.25
"""How far from the outermost point of its half a column of names stands, as a factor of evaluations."""
_COLOURS = {
    "encoder": "#4477aa",
    "unet": "#ee6677",
    "controlnet": "#aa3377",
    "adapter": "#bbbbbb",
    "decoder": "#228833",
    "graph": "#222222",
    "compiled generator": "#777777",
    "network": "#ccbb44",
    "copies": "#66ccee",
}
_REST, _REST_COLOUR = "pre, post, sampler", "#dddddd"


def draw_plots(report: Report, path: Path) -> list[Path]:
    """Draw what the report has data for, as PNG files of a printed page's width.

    Args:
        report: The results.
        path: The first picture; the others lie beside it, with `-stages` and `-sizes` in their names.

    Returns:
        The files that were written.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: A file cannot be written.
    """
    require("matplotlib", extra="bench", purpose="draw the pictures of a benchmark")
    figures = {"": _latency(report), "-stages": _stages(report), "-sizes": _sizes(report)}
    drawn = {name: figure for name, figure in figures.items() if figure is not None}
    return [_save(figure, path.with_name(f"{path.stem}{name}.png")) for name, figure in drawn.items()]


def _save(figure: Any, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=_DPI)
    except OSError as err:
        raise OutputError(f"{path} cannot be written ({err.strerror}). Choose another place.") from err
    return path


def _axes(width_inches: float, height_inches: float) -> tuple[Any, Any]:
    """Return a figure and its axes, without matplotlib's global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _title(report: Report) -> str:
    settings = report.settings
    return f"{settings['base']}, {settings['size']}, {settings['precision']}, {report.environment['device']}"


def _latency(report: Report) -> Any:
    rows = [row for row in report.rows if row.timing and row.evaluations]
    best = graph_row(report)
    if not rows or best is None:
        return None
    figure, axes = _axes(7.2, 4.6)
    rightmost = max(row.evaluations for row in rows)
    axes.set(xscale="log", yscale="log", xlim=(0.7, max(rightmost * 1.6, _LEAST_RIGHT_END)), title=_title(report))
    axes.set(xlabel="UNet evaluations per frame", ylabel="latency per frame, ms (median)")
    axes.grid(which="major", color="#e5e5e5")
    axes.set_axisbelow(True)
    for row in rows:
        _point(axes, row, row is best)
    _label(axes, rows, best, rightmost)
    if any(row.steps_timed < row.steps for row in rows):
        axes.text(0.01, 0.97, "hollow: per step x steps", transform=axes.transAxes, fontsize=8, va="top")
    return figure


def _point(axes: Any, row: RowResult, chosen: bool) -> None:
    assert row.timing is not None
    colour, marker, size = ("#cc3311", "*", 220) if chosen else ("#33557f", "o", 36)
    face = "white" if row.steps_timed < row.steps else colour
    axes.scatter(
        [row.evaluations],
        [row.timing.median_ms],
        marker=marker,
        s=size,
        facecolors=face,
        edgecolors=colour,
        zorder=3,
    )


def _label(axes: Any, rows: list[RowResult], best: RowResult, rightmost: int) -> None:
    """Write the names in a column beside the points of each half, each high enough above the one below to be read."""
    axes.figure.draw_without_rendering()
    most = max(rightmost * _FEW_SHARE, _FEW)
    few = [row for row in rows if row.evaluations <= most]
    many = [row for row in rows if row.evaluations > most]
    line_pixels = _LINE_POINTS * axes.figure.dpi / 72
    for half, align, away in ((few, "left", max), (many, "right", min)):
        floor = float("-inf")
        for row in sorted(half, key=_median_ms):
            column = away(each.evaluations for each in half) * (_COLUMN if align == "left" else 1 / _COLUMN)
            x, y = axes.transData.transform((column, _median_ms(row)))
            floor = max(y, floor + line_pixels)
            axes.annotate(
                f"{row.name}  {number(_median_ms(row))} ms",
                (row.evaluations, _median_ms(row)),
                xytext=axes.transData.inverted().transform((x, floor)),
                arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.6},
                fontsize=8,
                ha=align,
                va="center",
                weight="bold" if row is best else "normal",
            )


def _median_ms(row: RowResult) -> float:
    assert row.timing is not None
    return row.timing.median_ms


def _stages(report: Report) -> Any:
    rows = [row for row in report.rows if row.timing and row.stages_ms]
    if not rows:
        return None
    figure, axes = _axes(7.2, 1.4 + 0.34 * len(rows))
    names = [name for name in _COLOURS if any(name in row.stages_ms for row in rows)]
    left = [0.0] * len(rows)
    places = list(range(len(rows)))[::-1]
    for name in [*names, _REST]:
        shares = [_share(row, name) for row in rows]
        axes.barh(places, shares, left=left, color=_COLOURS.get(name, _REST_COLOUR), label=name, height=0.7)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.set_yticks(
        places, [f"{row.name}  {number(row.timing.median_ms)} ms" for row in rows if row.timing], fontsize=8
    )
    axes.set(xlim=(0, 100), xlabel="share of the latency, %", title=_title(report))
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _share(row: RowResult, name: str) -> float:
    """Return a stage's share of a row's time in per cent."""
    whole = sum(row.stages_ms.values())
    mean = max(sum(row.timing.samples_ms) / row.timing.count if row.timing else 0.0, whole)
    part = mean - whole if name == _REST else row.stages_ms.get(name, 0.0)
    return 100.0 * part / mean


def _sizes(report: Report) -> Any:
    if len(report.sizes) < 2:
        return None
    figure, axes = _axes(7.2, 3.8)
    megapixels = [float(each["pixels"]) / 1e6 for each in report.sizes]
    rates = [float(each["fps"]) for each in report.sizes]
    axes.plot(megapixels, rates, marker="o", color="#33557f")
    for x, y, each in zip(megapixels, rates, report.sizes, strict=True):
        axes.annotate(f"{each['size']}: {number(y)} fps", (x, y), xytext=(6, 6), textcoords="offset points", fontsize=8)
    axes.set(ylim=(0, max(rates) * 1.15), xlim=(0, max(megapixels) * 1.25), title=_title(report))
    axes.set(xlabel="frame size, megapixels", ylabel="frames per second, engine only")
    axes.grid(color="#e5e5e5")
    return figure
