"""The report's parts: which pictures stand for a measure, numbers as text, markup, plots."""

import math
import re

import numpy as np
import pytest

from onestep.evaluation.pages.markup import Markup, element, joined
from onestep.evaluation.report.cases import chosen_cases
from onestep.evaluation.report.distributions import distributions_section
from onestep.evaluation.report.numbers import counted, interval_text, number, value_text
from onestep.evaluation.results import Better, Evaluation, Figure, Row


@pytest.mark.parametrize(
    ("better", "expected"),
    [
        ("higher", [("worst", 3), ("median", 2), ("best", 1)]),
        ("lower", [("worst", 1), ("median", 2), ("best", 3)]),
        ("neither", [("lowest", 3), ("median", 2), ("highest", 1)]),
    ],
)
def test_worst_median_and_best(better: Better, expected: list[tuple[str, int]]) -> None:
    # In order: 3 (1.0), 0 (2.0), 2 (3.0), 4 (4.0), 1 (9.0).
    values = [2.0, 9.0, 3.0, 1.0, 4.0]
    assert [(case.rank, case.index) for case in chosen_cases(values, better)] == expected


def test_median_of_an_even_number_is_the_lower_one() -> None:
    assert [case.value for case in chosen_cases([1.0, 2.0, 3.0, 4.0], "higher")] == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([math.nan, math.inf], []),
        ([1.0], [("best", 0)]),
        ([1.0, 2.0], [("worst", 0), ("best", 1)]),
        ([math.nan, 5.0, math.inf, 4.0], [("worst", 3), ("best", 1)]),
        ([7.0, 7.0, 7.0], [("worst", 0), ("median", 1), ("best", 2)]),
    ],
)
def test_few_and_missing_values(values: list[float], expected: list[tuple[str, int]]) -> None:
    assert [(case.rank, case.index) for case in chosen_cases(values, "higher")] == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.75444, "0.754"),
        (24.123, "24.1"),
        (123.4, "123"),
        (12345.6, "12,346"),
        (0.0001234, "0.000123"),
        (-0.5, "\N{MINUS SIGN}0.500"),
        (0.0, "0.00"),
        (1.0, "1.00"),
        (None, "\N{EN DASH}"),
        (math.nan, "\N{EN DASH}"),
        (math.inf, "∞"),
        (-math.inf, "\N{MINUS SIGN}∞"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def test_an_interval_has_the_decimals_of_its_value() -> None:
    figure = Figure("psnr", "dB", "higher", 10.02, 9.8123, 10.5, 7)
    assert value_text(figure) == "10.0\N{NO-BREAK SPACE}dB"
    assert interval_text(figure) == "9.8 to 10.5"
    assert interval_text(Figure("psnr", "dB", "higher", 10.0, None, None, 1)) == ""
    assert [counted(count, "pair") for count in (0, 1, 1200)] == ["0 pairs", "1 pair", "1,200 pairs"]


def test_markup_escapes_what_is_plain() -> None:
    assert joined(["<", Markup("<br>")]) == "&lt;<br>"
    inner = element("b", "a & b", title='"<', hidden=True, id=None, tabindex=0)
    assert inner == '<b title="&quot;&lt;" hidden tabindex="0">a &amp; b</b>'
    assert element("p", inner, "'") == f"<p>{inner}&#x27;</p>"
    assert element("img", alt="x", data_picture="p1", class_="c") == '<img alt="x" data-picture="p1" class="c">'


def test_plots_take_their_colours_from_the_page() -> None:
    svg = str(distributions_section(_evaluation({"ours": [1.0, 2.0, 3.0]}, {"copy-input": [2.0, 2.0, 2.0]})))
    assert {"var(--row-1)", "var(--reference)", "var(--ink)", "var(--rule)"} <= set(re.findall(r"var\(--[\w-]+\)", svg))
    assert "#0101" not in svg
    assert "ours (3)" in svg
    assert "<?xml" not in svg


def test_plots_show_each_picture_as_a_dot_until_there_are_too_many() -> None:
    def dots(count: int) -> int:
        values = list(np.random.default_rng(0).normal(size=count))
        svg = str(distributions_section(_evaluation({"ours": values}, {})))
        return len(re.findall("<use [^>]*fill: var\\(--row-1\\)", svg))

    assert [dots(count) for count in (1, 11, 300, 301, 5000)] == [1, 11, 300, 300, 300]


def test_plots_leave_out_what_is_not_finite_and_say_how_many_there_are() -> None:
    svg = str(distributions_section(_evaluation({"ours": [1.0, math.nan, math.inf, 2.0]}, {"reinhard": [math.nan]})))
    assert "ours (2)" in svg
    assert "reinhard" not in svg


def test_names_in_plots_are_escaped_and_no_formulas() -> None:
    svg = str(distributions_section(_evaluation({"<a>$x_1$&": [1.0, 2.0]}, {})))
    assert "&lt;a&gt;$x_1$&amp; (2)" in svg


def _evaluation(translators: dict[str, list[float]], references: dict[str, list[float]]) -> Evaluation:
    figure = Figure("edges", "", "higher", 1.5, 1.0, 2.0, 3, "", "Edges.")
    rows = [Row(name, "translator", {"edges": figure}, {"edges": values}) for name, values in translators.items()]
    rows += [Row(name, "reference", {"edges": figure}, {"edges": values}) for name, values in references.items()]
    return Evaluation("t", "2026-01-01T00:00:00+00:00", "c", rows, [], [], [], {}, {}, [])
