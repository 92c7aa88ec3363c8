"""Intervals and kappas, against published and hand-computed examples."""

import pytest

from onestep.evaluation.votes.agreement import agreement
from onestep.evaluation.votes.wilson import wilson_interval


@pytest.mark.parametrize(
    ("successes", "count", "confidence", "low", "high"),
    [  # scipy.stats.binomtest(successes, count).proportion_ci(confidence, method="wilson")
        (0, 10, 0.95, 0.000000000, 0.277532800),
        (5, 10, 0.95, 0.236593091, 0.763406909),
        (1, 3, 0.95, 0.061491945, 0.792340399),
        (137, 200, 0.95, 0.617650439, 0.745376790),
        (0, 1, 0.95, 0.000000000, 0.793450686),
        (10, 10, 0.8, 0.858931318, 1.000000000),
        (137, 200, 0.8, 0.641543744, 0.725442611),
    ],
)
def test_wilson_is_scipys(successes: int, count: int, confidence: float, low: float, high: float) -> None:
    assert wilson_interval(successes, count, confidence=confidence) == pytest.approx((low, high), abs=1e-9)


def test_wilson_with_half_a_success_lies_between_its_neighbours() -> None:
    below, between, above = (wilson_interval(successes, 20) for successes in (7, 7.5, 8))
    assert below[0] < between[0] < above[0]
    assert below[1] < between[1] < above[1]


def test_cohens_kappa_of_two_readers() -> None:
    # 50 items: both yes 20, both no 15, yes-no 5, no-yes 10. Observed 0.7; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    ratings = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = agreement(ratings)
    assert (found.name, found.items) == ("Cohen's kappa", 50)
    assert found.observed == pytest.approx(0.7)
    assert found.value == pytest.approx(0.4)


def test_cohens_kappa_below_chance() -> None:
    # Observed 0; by chance 0.5 * 0.5 + 0.5 * 0.5 = 0.5; (0 - 0.5) / (1 - 0.5) = -1.
    assert agreement([("a", "b"), ("b", "a")]).value == pytest.approx(-1.0)


def test_fleiss_kappa_of_the_textbook_table() -> None:
    # 10 subjects, 14 raters, 5 categories: the worked example of the method, kappa 0.210.
    table = [
        (0, 0, 0, 0, 14),
        (0, 2, 6, 4, 2),
        (0, 0, 3, 5, 6),
        (0, 3, 9, 2, 0),
        (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0),
        (2, 5, 3, 2, 2),
        (6, 5, 2, 1, 0),
        (0, 2, 2, 3, 7),
    ]
    ratings = [[str(category) for category, count in enumerate(row) for _ in range(count)] for row in table]
    found = agreement(ratings)
    assert found.name == "Fleiss' kappa"
    assert found.observed == pytest.approx(0.378, abs=5e-4)
    assert found.value == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_by_hand() -> None:
    # Items aaa, aab: observed (1 + 1/3) / 2 = 2/3; shares 5/6 and 1/6, by chance 26/36; (2/3 - 13/18) / (5/18) = -0.2.
    assert agreement(["aaa", "aab"]).value == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        ([], "there is no pair that every rater voted on"),
        ([["a"], ["b"]], "there is one rater"),
        ([["a", "a"], ["a", "a"]], "everybody gave one and the same answer throughout"),
        ([["a", "a", "a"]], "everybody gave one and the same answer throughout"),
    ],
)
def test_no_kappa_has_a_reason(ratings: list[list[str]], reason: str) -> None:
    found = agreement(ratings)
    assert (found.value, found.reason) == (None, reason)
