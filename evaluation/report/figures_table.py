"""The table of all figures: one line for each measure, one column for each translator and reference."""

from onestep.evaluation.pages.markup import Markup, element, joined
from onestep.evaluation.report.numbers import DASH, direction_text, interval_text, value_text
from onestep.evaluation.report.section import section
from onestep.evaluation.results import Evaluation, Figure, Row, Verdict

_ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}


def figures_section(evaluation: Evaluation) -> Markup:
    """Return the table with values, 95 % intervals, counts, definitions and verdicts."""
    explanation = element(
        "p",
        "Under each value stand its 95 % bootstrap interval and the number of pictures, pairs or frames (n). "
        "An arrow says which way is better. Reference columns are what the numbers are to be read against.",
        class_="lead",
    )
    rows = evaluation.rows
    missing = _unmeasured(rows)
    names = [name for name in figure_names(rows) if not any(name in group for group in missing.values())]
    if not names:
        return section("figures", "Figures", element("p", "Nothing was measured."), _unmeasured_list(missing))
    verdicts = {(verdict.kpi, verdict.row): verdict for verdict in evaluation.verdicts}
    head = element("tr", element("th", "Measure", scope="col"), *(_column_head(row) for row in rows))
    body = [_line(name, rows, verdicts) for name in names]
    table = element("table", element("thead", head), element("tbody", *body), class_="figures")
    scroll = element("div", table, class_="scroll", tabindex=0, role="region", aria_label="Figures")
    return section("figures", "Figures", explanation, scroll, _unmeasured_list(missing))


def figure_names(rows: list[Row]) -> list[str]:
    """Return the names of all figures in the order in which they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row.figures))


def figure_of(name: str, rows: list[Row]) -> Figure:
    """Return a figure of that name from the first row that has it: for its unit, direction and definition."""
    return next(row.figures[name] for row in rows if name in row.figures)


def arrow(figure: Figure) -> Markup:
    """Return the arrow that says which way is better, with its meaning for those who hover or listen."""
    meaning = direction_text(figure.better)
    return element("span", _ARROWS[figure.better], class_="arrow", title=meaning, role="img", aria_label=meaning)


def _unmeasured(rows: list[Row]) -> dict[str, list[str]]:
    """Return the figures that no row has a value of, by the reason that the first of them gives."""
    found: dict[str, list[str]] = {}
    for name in figure_names(rows):
        if all(row.figures[name].value is None for row in rows if name in row.figures):
            found.setdefault(figure_of(name, rows).reason, []).append(name)
    return found


def _unmeasured_list(missing: dict[str, list[str]]) -> str:
    if not missing:
        return ""
    lines = [
        element("div", element("dt", reason), element("dd", element("code", ", ".join(names))))
        for reason, names in missing.items()
    ]
    return joined([element("h3", "Not measured in this run"), element("dl", *lines, class_="unmeasured")])


def _column_head(row: Row) -> Markup:
    return element("th", row.name, element("small", row.kind), scope="col", class_=f"figure {row.kind}")


def _line(name: str, rows: list[Row], verdicts: dict[tuple[str, str], Verdict]) -> Markup:
    figure = figure_of(name, rows)
    title = element("span", element("code", name), " ", arrow(figure), class_="name")
    head = element("th", title, element("small", figure.definition), scope="row", title=figure.definition)
    cells = [_cell(row.figures.get(name), row, verdicts.get((name, row.name))) for row in rows]
    return element("tr", head, *cells)


def _cell(figure: Figure | None, row: Row, verdict: Verdict | None) -> Markup:
    sign = _sign(verdict)
    if figure is None or figure.value is None:
        reason = figure.reason if figure else "not measured for this row"
        return element("td", sign, DASH, element("small", reason), class_=f"figure nothing {row.kind}")
    details = [text for text in (interval_text(figure), f"n\N{NO-BREAK SPACE}{figure.count:,}") if text]
    notes = [element("small", text) for text in (*details, figure.reason) if text]
    return element("td", sign, element("b", value_text(figure)), *notes, class_=f"figure {row.kind}")


def _sign(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    meaning = f"agreed: {verdict.condition}; {'met' if verdict.passed else 'not met'}"
    sign, style = ("✓", "good") if verdict.passed else ("✗", "bad")
    return element("span", sign, class_=f"sign {style}", title=meaning, role="img", aria_label=meaning)
