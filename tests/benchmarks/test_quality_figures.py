"""Figures that the quality benchmark adds, and its table."""

import re

import pytest
from bench.quality_figures import quality_table, with_figures, with_ratio

from onestep.evaluation.catalogue import figure
from onestep.evaluation.results import Evaluation, Figure, Row


def result(transfer: float = 0.4) -> Evaluation:
    """Return an evaluation of a translator and a reference."""
    rows = [
        Row("day2night", "translator", {"st_lpips": figure("st_lpips", 0.1, None, 4)}, {}),
        Row("reinhard", "reference", {"st_lpips": figure("st_lpips", transfer, None, 4)}, {}),
    ]
    return Evaluation("Views", "", "", rows, [], [], [], {}, {}, [])


def own(value: float | None, reason: str = "") -> Figure:
    return Figure("gap_closed", "", "higher", value, None, None, 4, reason, "What it is.")


def ratio(found: Evaluation) -> Figure:
    made = with_ratio(found, "day2night", "st_lpips", over="reinhard", name="st_lpips_over_transfer", definition="It.")
    return made.rows[0].figures["st_lpips_over_transfer"]


def test_a_ratio_is_of_two_rows_and_says_why_there_is_none() -> None:
    made, missing = ratio(result()), ratio(result(transfer=0.0))
    assert made.value == pytest.approx(0.25)
    assert made.count == 4
    assert (missing.value, missing.reason) == (None, "needs st_lpips of day2night and of reinhard")


def test_a_row_that_is_not_there_comes_last() -> None:
    found = with_figures(result(), {"reinhard": {"gap_closed": own(0.3)}, "truth": {"gap_closed": own(1.0)}})
    assert [(row.name, row.kind) for row in found.rows] == [
        ("day2night", "translator"),
        ("reinhard", "reference"),
        ("truth", "reference"),
    ]
    assert list(found.rows[1].figures) == ["st_lpips", "gap_closed"]


def test_the_table_says_what_its_own_figures_mean_and_why_they_are_missing() -> None:
    assert "gap_closed" not in quality_table(result())
    text = quality_table(with_figures(result(), {"reinhard": {"gap_closed": own(0.3)}}))
    assert re.search(r"^\| reinhard \| 0\.40* \| 0\.30* \|$", text, flags=re.MULTILINE)
    assert text.endswith("\n\n- `gap_closed`: What it is.")
    text = quality_table(with_figures(result(), {"reinhard": {"gap_closed": own(None, "too alike")}}))
    assert text.endswith("- `gap_closed`: What it is. Not measured: too alike.")
