"""An evaluation on the screen: figures side by side, and the verdicts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onestep.evaluation.results import Evaluation, Figure, Row, Verdict


def print_figures(evaluation: "Evaluation") -> None:
    """Print what was measured, one line for each figure and one column for each row, and what was not, with why."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_lines=False, pad_edge=False)
    table.add_column("figure", no_wrap=True)
    for row in evaluation.rows:
        table.add_column(escape(row.name), justify="right")
    for name in _measured(evaluation.rows):
        cells = [_cell(row.figures.get(name)) for row in evaluation.rows]
        unit = next(row.figures[name].unit for row in evaluation.rows if name in row.figures)
        table.add_row(escape(f"{name} [{unit}]" if unit else name), *cells)
    Console().print(table)
    for line in _unmeasured(evaluation.rows):
        print(line)


def print_verdicts(verdicts: "Sequence[Verdict]") -> None:
    """Print one line for each verdict."""
    for verdict in verdicts:
        value = "not measured" if verdict.value is None else f"{verdict.value:.4g}"
        mark = "pass" if verdict.passed else "FAIL"
        why = f"  ({verdict.reason})" if verdict.value is None else ""
        print(f"{mark}  {verdict.row}: {verdict.kpi} {value}, agreed {verdict.condition}{why}")


def _measured(rows: "Sequence[Row]") -> list[str]:
    """Return the names of the figures that any row has a value of, in the order of the first row that has it."""
    names = {name: None for row in rows for name, figure in row.figures.items() if figure.value is not None}
    return list(names)


def _cell(figure: "Figure | None") -> str:
    if figure is None or figure.value is None:
        return ""
    interval = "" if figure.low is None else f"\n{figure.low:.3g}…{figure.high:.3g}"
    return f"{figure.value:.4g}{interval}"


def _unmeasured(rows: "Sequence[Row]") -> list[str]:
    """Return one line for each reason, with the figures that it holds for."""
    measured = set(_measured(rows))
    reasons: dict[str, list[str]] = {}
    for row in rows:
        for name, figure in row.figures.items():
            if name not in measured and name not in reasons.get(figure.reason, []):
                reasons.setdefault(figure.reason, []).append(name)
    return [f"not measured: {', '.join(names)}: {reason}" for reason, names in reasons.items()]
