"""How a measure is spread over the pictures: one plot for each, drawn into the page as SVG."""

import io
import math
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from onestep.errors import require
from onestep.evaluation.pages.markup import Markup, element
from onestep.evaluation.report.figures_table import arrow, figure_names, figure_of
from onestep.evaluation.report.section import section
from onestep.evaluation.results import Evaluation, Figure, Row

_WIDTH_INCHES, _ROW_INCHES, _AXIS_INCHES = 4.8, 0.42, 0.5
_MOST_DOTS: Final = 300
_LONGEST_NAME: Final = 22

# The page decides the colours, for light, dark and print: these stand in the SVG until they are replaced.
_INK, _SOFT, _RULE, _PAPER = "#010101", "#010102", "#010103", "#010104"
_REFERENCE = "#010105"
_TRANSLATORS = ("#010111", "#010112", "#010113", "#010114", "#010115")
_VARIABLES = {_INK: "ink", _SOFT: "soft", _RULE: "rule", _PAPER: "paper", _REFERENCE: "reference"} | {
    colour: f"row-{number}" for number, colour in enumerate(_TRANSLATORS, start=1)
}


def distributions_section(evaluation: Evaluation) -> Markup:
    """Return one plot for each measure that was taken picture by picture.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    rows = evaluation.rows
    names = [name for name in figure_names(rows) if any(_finite(row, name).size for row in rows)]
    if not names:
        return section("distributions", "Distributions", element("p", "No measure was taken picture by picture."))
    require("matplotlib", extra="evaluate", purpose="draw the plots of the report")
    explanation = element(
        "p",
        "Each dot is a picture. The box spans the middle half, its line is the median; the diamond is the figure of "
        "the table with its 95 % interval. References are grey. In brackets: the number of pictures.",
        class_="lead",
    )
    plots = [_plot(figure_of(name, rows), rows, place) for place, name in enumerate(names)]
    return section("distributions", "Distributions", explanation, element("div", *plots, class_="plots"))


def _plot(figure: Figure, rows: Sequence[Row], place: int) -> Markup:
    svg = _svg(figure, [row for row in rows if _finite(row, figure.name).size], _colours(rows))
    title = element("figcaption", element("code", figure.name), " ", arrow(figure))
    label = f"Distribution of {figure.name}; its figures are in the table above"
    drawing = element("div", _fit_for_page(svg, f"plot{place}"), role="img", aria_label=label)
    return element("figure", title, drawing, class_="plot")


def _colours(rows: Sequence[Row]) -> dict[str, str]:
    """Give each translator a colour of its own, as long as there are enough, and the references grey."""
    translators = [row.name for row in rows if row.kind == "translator"]
    own = {name: _TRANSLATORS[i % len(_TRANSLATORS)] for i, name in enumerate(translators)}
    return {row.name: own.get(row.name, _REFERENCE) for row in rows}


def _svg(figure: Figure, rows: Sequence[Row], colours: dict[str, str]) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Drawing

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "onestep", "font.size": 9}):
        drawing = Drawing(figsize=(_WIDTH_INCHES, _AXIS_INCHES + _ROW_INCHES * len(rows)), layout="constrained")
        drawing.patch.set_visible(False)
        axes = drawing.add_subplot()
        _prepare(axes, figure, rows)
        for place, row in enumerate(rows):
            _draw_row(axes, place, row, figure.name, colours[row.name])
        content = io.StringIO()
        drawing.savefig(content, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return content.getvalue()


def _prepare(axes: Any, figure: Figure, rows: Sequence[Row]) -> None:
    axes.patch.set_visible(False)
    axes.use_sticky_edges = False
    axes.margins(x=0.05)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_RULE)
    axes.grid(axis="x", color=_RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", color=_RULE, labelcolor=_SOFT, length=3)
    axes.tick_params(axis="y", length=0, labelcolor=_INK)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    labels = [f"{_short(row.name)} ({_finite(row, figure.name).size})" for row in rows]
    axes.set_yticks(range(len(rows)), labels, parse_math=False)
    axes.locator_params(axis="x", nbins=6)
    if figure.unit:
        axes.set_xlabel(figure.unit, color=_SOFT, parse_math=False)


def _draw_row(axes: Any, place: int, row: Row, name: str, colour: str) -> None:
    values = _finite(row, name)
    dots = values if values.size <= _MOST_DOTS else np.quantile(values, np.linspace(0, 1, _MOST_DOTS))
    heights = place + np.random.default_rng(place).uniform(-0.26, 0.26, dots.size)
    axes.plot(dots, heights, linestyle="", marker="o", markersize=2.6, color=colour, alpha=0.55, markeredgewidth=0)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.barh(place, high - low, left=low, height=0.56, facecolor="none", edgecolor=colour, linewidth=1.1)
    axes.plot([middle, middle], [place - 0.28, place + 0.28], color=colour, linewidth=2, solid_capstyle="butt")
    _draw_figure(axes, place, row.figures.get(name))


def _draw_figure(axes: Any, place: int, figure: Figure | None) -> None:
    """Draw the value of the table with its interval."""
    if figure is None or figure.value is None or not math.isfinite(figure.value):
        return
    if figure.low is not None and figure.high is not None:
        axes.plot([figure.low, figure.high], [place, place], color=_INK, linewidth=1.4, solid_capstyle="butt")
    axes.plot([figure.value], [place], marker="D", markersize=4.5, color=_INK, markeredgecolor=_PAPER, zorder=4)


def _fit_for_page(svg: str, prefix: str) -> Markup:
    """Take the file's head off, let the page set the colours, and make the ids of one plot its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return Markup(svg)


def _finite(row: Row, name: str) -> NDArray[np.float64]:
    values = np.asarray(row.per_picture.get(name, []), np.float64)
    return values[np.isfinite(values)]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
