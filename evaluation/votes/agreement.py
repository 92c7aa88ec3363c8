"""How far raters agree beyond chance."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement: 1 is perfect, 0 what chance gives."""

    name: str
    """`Cohen's kappa` for two raters, `Fleiss' kappa` for more."""
    value: float | None
    observed: float | None
    """Share of agreeing pairs of raters; the plain figure beside the corrected one."""
    items: int
    """Pictures that every rater voted on; the others take no part."""
    reason: str = ""
    """Why `value` is None."""


def agreement(ratings: Sequence[Sequence[str]]) -> Agreement:
    """Compute the agreement of raters.

    Args:
        ratings: For each item the category that each rater gave it, raters in the same order throughout.
    """
    raters = len(ratings[0]) if ratings else 0
    name = "Cohen's kappa" if raters <= 2 else "Fleiss' kappa"
    if raters < 2:
        why = "there is one rater" if ratings else "there is no pair that every rater voted on"
        return Agreement(name, None, None, len(ratings), why)
    observed = _observed(ratings)
    expected = cohen_expected(ratings) if raters == 2 else fleiss_expected(ratings)
    if expected == 1.0:
        return Agreement(name, None, observed, len(ratings), "everybody gave one and the same answer throughout")
    return Agreement(name, (observed - expected) / (1 - expected), observed, len(ratings))


def cohen_expected(ratings: Sequence[Sequence[str]]) -> float:
    """Return the agreement that chance gives two raters with habits of their own (Cohen 1960)."""
    first, second = (Counter(column) for column in zip(*ratings, strict=True))
    return sum(first[category] * second[category] for category in first) / len(ratings) ** 2


def fleiss_expected(ratings: Sequence[Sequence[str]]) -> float:
    """Return the agreement that chance gives raters with shared habits (Fleiss 1971, equation 5)."""
    counts = Counter(category for item in ratings for category in item)
    return sum(count**2 for count in counts.values()) / counts.total() ** 2


def _observed(ratings: Sequence[Sequence[str]]) -> float:
    """Return the share of agreeing pairs of raters, averaged over the items (Fleiss 1971, equation 3)."""
    shares = []
    for item in ratings:
        agreeing = sum(count * (count - 1) for count in Counter(item).values())
        shares.append(agreeing / (len(item) * (len(item) - 1)))
    return sum(shares) / len(shares)
