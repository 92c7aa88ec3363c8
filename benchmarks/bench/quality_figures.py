"""Figures that this benchmark adds to an evaluation, and the table of those that are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from bench.tables import markdown_table, number
from onestep.evaluation.catalogue import MEASURES
from onestep.evaluation.results import Evaluation, Figure, Row

MoreFigures = Mapping[str, Mapping[str, Figure]]
"""Figures by row and name."""

_SHOWN: Final = (
    *("psnr", "ssim", "st_lpips", "st_lpips_over_transfer", "ciede2000", "edges_kept", "kid_efficientnet_lite0"),
    *("gap_closed", "change_ratio", "warp_error", "warp_error_ratio", "warp_error_known_flow", "warp_error_over_truth"),
    *("flicker_ratio", "latency_p50_ms"),
)


def with_figures(result: Evaluation, more: MoreFigures) -> Evaluation:
    """Return the evaluation with more figures in its rows; rows that it does not have yet are put last."""
    rows = [replace(row, figures={**row.figures, **more.get(row.name, {})}) for row in result.rows]
    names = {row.name for row in rows}
    rows += [Row(name, "reference", dict(figures), {}) for name, figures in more.items() if name not in names]
    return replace(result, rows=rows)


def with_ratio(result: Evaluation, row: str, of: str, *, over: str, name: str, definition: str) -> Evaluation:
    """Return the evaluation with a row's figure over the same figure of another row, for which lower is better.

    Args:
        result: Where the two are looked up.
        row: The row that gets the ratio.
        of: Name of the figure.
        over: The row that it is divided by.
        name: Of the ratio.
        definition: One sentence.
    """
    figures = {each.name: each.figures.get(of) for each in result.rows}
    above, below = figures.get(row), figures.get(over)
    if above is None or above.value is None or below is None or not below.value:
        made = Figure(name, "", "lower", None, None, None, 0, f"needs {of} of {row} and of {over}", definition)
    else:
        made = Figure(name, "", "lower", above.value / below.value, None, None, above.count, "no interval", definition)
    return with_figures(result, {row: {name: made}})


def quality_table(result: Evaluation) -> str:
    """Return the shown figures, one line for each translator and reference, and what this benchmark's own mean."""
    found = {name: figures for name in _SHOWN if (figures := _of_all_rows(result, name))}
    lines = [
        [row.name, *(number(figure.value) if (figure := row.figures.get(name)) else "" for name in found)]
        for row in result.rows
    ]
    own = [_meaning(name, figures) for name, figures in found.items() if name not in MEASURES]
    return "\n\n".join(part for part in (markdown_table(("row", *found), lines), "\n".join(own)) if part)


def _of_all_rows(result: Evaluation, name: str) -> list[Figure]:
    """Return a figure of all rows; nothing where it is one of `onestep.evaluation` and no row has a value."""
    figures = [row.figures[name] for row in result.rows if name in row.figures]
    return figures if name not in MEASURES or any(figure.value is not None for figure in figures) else []


def _meaning(name: str, figures: Sequence[Figure]) -> str:
    measured = any(figure.value is not None for figure in figures)
    return f"- `{name}`: {figures[0].definition}" + ("" if measured else f" Not measured: {figures[0].reason}.")
