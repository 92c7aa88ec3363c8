"""How the measured ratio of SDEdit to the graph goes with the ratio of their operations, and why where it does not."""

from bench.report import Report
from bench.row import RowResult
from bench.tables import graph_row, interval_text, number, utilisation
from bench.timing import paired_ratio

EXPLAINED_BEYOND = 0.25
"""A difference of the two ratios larger than this is explained."""
_MANY = "sdedit-50"


def ratio_text(report: Report) -> str:
    """Return a paragraph on both ratios, with two line ends before it; nothing where either row is missing."""
    graph, many = graph_row(report), report.row(_MANY)
    if graph is None or graph.timing is None or many is None or many.timing is None:
        return ""
    measured, by_flops = paired_ratio(many.timing, graph.timing), many.flops / graph.flops
    interval = interval_text(many, graph)
    between = f" (95 % interval {interval})" if interval else ""
    text = (
        f"\n\nSDEdit with 50 steps has {by_flops:.1f} times the graph's operations and takes {measured:.1f} times as "
        f"long{between}, {measured / by_flops - 1:+.0%}: the graph computes at {utilisation(graph, report):.0%} of the "
        f"matrix rate, SDEdit at {utilisation(many, report):.0%}."
    )
    if abs(measured / by_flops - 1) <= EXPLAINED_BEYOND:
        return text
    rows = sorted((graph, many), key=lambda row: row.over_floor or 0.0)
    return (
        f"{text} They differ by more than {EXPLAINED_BEYOND:.0%} because the two rows miss their floors by different "
        f"factors: {_missed(rows[1], report)}; {_missed(rows[0], report)}."
    )


def _missed(row: RowResult, report: Report) -> str:
    """Say how far a row is above its floor, and in which part of it most of that time goes."""
    excess = {name: ms - _part_floor_ms(name, row, report) for name, ms in row.stages_ms.items()}
    text = f"{row.name} takes {number(row.over_floor)} times its floor"
    if not excess or row.timing is None:
        return text
    rest = row.timing.median_ms - sum(row.stages_ms.values())
    excess["work before, between and after its networks"] = rest
    part = max(excess, key=lambda name: excess[name])
    return f"{text}, most of the difference in its {part} ({number(max(excess[part], 0.0))} ms over that part's floor)"


def _part_floor_ms(part: str, row: RowResult, report: Report) -> float:
    """Return the least time of a stage's operations at the best matrix rate; 0 where they were not counted."""
    if part == "graph":
        return row.floor_ms
    calls = row.evaluations if part == "unet" else 1
    return 1e3 * calls * report.part_flops.get(part, 0) / report.rates["matrix_flops_per_second"]
