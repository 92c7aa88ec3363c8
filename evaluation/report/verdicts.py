"""What was agreed beforehand, and whether it holds: the top of the report."""

from collections.abc import Sequence

from onestep.evaluation.pages.markup import Markup, element
from onestep.evaluation.report.numbers import counted, number, with_unit
from onestep.evaluation.report.section import section
from onestep.evaluation.results import Evaluation, Verdict


def verdict_section(evaluation: Evaluation) -> Markup:
    """Return the sentence that sums up the verdicts, and a table with one line for each."""
    verdicts = evaluation.verdicts
    units = {figure.name: figure.unit for row in evaluation.rows for figure in row.figures.values()}
    sentence = element("p", verdict_sentence(verdicts), class_=f"outcome {_outcome(verdicts)}", id="outcome")
    return section("verdicts", "Verdicts", sentence, _table(verdicts, units) if verdicts else "")


def verdict_sentence(verdicts: Sequence[Verdict]) -> str:
    """Sum up the verdicts in a sentence."""
    failed = sum(not verdict.passed for verdict in verdicts)
    if not verdicts:
        return "No thresholds were given, so nothing passed and nothing failed."
    if not failed:
        return "The threshold is met." if len(verdicts) == 1 else f"All {len(verdicts)} thresholds are met."
    return f"{failed} of {counted(len(verdicts), 'threshold')} failed."


def mark(verdict: Verdict) -> Markup:
    """Return a verdict in a word with a sign, which is told apart without its colour too."""
    if verdict.passed:
        return element("span", "✓ passed", class_="good")
    return element("span", "✗ not measured" if verdict.value is None else "✗ failed", class_="bad")


def _outcome(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "open"
    return "met" if all(verdict.passed for verdict in verdicts) else "missed"


def _table(verdicts: Sequence[Verdict], units: dict[str, str]) -> Markup:
    titles = ("Verdict", "Figure", "Of", "Agreed", "Measured", "Reason")
    head = element("tr", *(element("th", title, scope="col") for title in titles))
    # What failed stands first: it is what somebody has to act on.
    ordered = sorted(verdicts, key=lambda verdict: verdict.passed)
    body = [_line(verdict, units.get(verdict.kpi, "")) for verdict in ordered]
    table = element("table", element("thead", head), element("tbody", *body))
    return element("div", table, class_="scroll", tabindex=0, role="region", aria_label="Verdicts")


def _line(verdict: Verdict, unit: str) -> Markup:
    measured = number(verdict.value) if verdict.value is None else with_unit(number(verdict.value), unit)
    return element(
        "tr",
        element("td", mark(verdict), class_="mark"),
        element("th", element("code", verdict.kpi), scope="row"),
        element("td", verdict.row),
        element("td", verdict.condition, class_="figure"),
        element("td", measured, class_="figure"),
        element("td", verdict.reason, class_="reason"),
    )
