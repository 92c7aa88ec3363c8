"""Which pictures stand for a measure: the best, the median and the worst."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from onestep.evaluation.results import Better


@dataclass(frozen=True)
class Case:
    """One picture that was chosen to be shown."""

    rank: str
    """`best`, `median` or `worst`; `lowest` and `highest` where neither way is better."""
    index: int
    """Place in the order of `Evaluation.pictures`."""
    value: float


def chosen_cases(values: Sequence[float], better: Better) -> list[Case]:
    """Choose the worst, the median and the best picture, in this order.

    Values that are not finite take no part. Of an even number of pictures the lower of the two middle ones is the
    median; of equal ones the first stands lower. With fewer than three pictures there are as many cases as pictures.

    Args:
        values: One for each picture.
        better: Which way is better; with `neither`, the order is lowest, median, highest.
    """
    order = sorted((i for i, value in enumerate(values) if math.isfinite(value)), key=lambda i: (values[i], i))
    if not order:
        return []
    places = {"low": 0, "median": (len(order) - 1) // 2, "high": len(order) - 1}
    ends = {"higher": ("low", "high"), "lower": ("high", "low"), "neither": ("low", "high")}[better]
    words = ("lowest", "highest") if better == "neither" else ("worst", "best")
    wanted = {ends[0]: words[0], ends[1]: words[1]}
    if len(order) >= 3:
        wanted = {ends[0]: words[0], "median": "median", ends[1]: words[1]}
    found = {order[places[place]]: rank for place, rank in wanted.items()}
    return [Case(rank, index, values[index]) for index, rank in found.items()]
