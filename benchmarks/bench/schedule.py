"""How a budget of time becomes steps and repeats, and in which order the rows take their turns."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from bench.timing import FEW_SAMPLES

LEAST_REPEATS = FEW_SAMPLES
PLANNED_REPEATS = 7
"""A slow row runs so few of its steps that this many calls fit: more calls say more than longer ones."""
REFERENCE_SHARE = 1 / 3
"""The most of the time that goes to the row that all others are compared with."""
SET_UP_SHARE = 0.75
"""The most of the time left that is kept for the set-up of rows still to be opened."""
LEAST_STEPS = 2
"""Two starts of the UNet give one time between them, the time of a step."""


def shares(budget_seconds: float, wishes_seconds: Mapping[str, float]) -> dict[str, float]:
    """Divide a budget so that who wants little gets it, and the rest is divided evenly among the others.

    Args:
        budget_seconds: To be divided.
        wishes_seconds: What each would take if it could.
    """
    left, given = budget_seconds, {}
    waiting = sorted(wishes_seconds, key=lambda name: wishes_seconds[name])
    for place, name in enumerate(waiting):
        given[name] = min(wishes_seconds[name], left / (len(waiting) - place))
        left -= given[name]
    return given


def set_ups_within(budget_seconds: float, set_up_seconds: Sequence[float]) -> float:
    """Return how much of a budget to keep for set-up: the sum of the shortest that fit into `SET_UP_SHARE` of it.

    Args:
        budget_seconds: Time left.
        set_up_seconds: What each row that waits to be opened will take for its set-up.
    """
    sums = itertools.accumulate(sorted(set_up_seconds))
    return max((kept for kept in sums if kept <= SET_UP_SHARE * budget_seconds), default=0.0)


def steps_within(share_seconds: float, *, steps: int, call_seconds: float, calls: int, most: int | None = None) -> int:
    """Return how many of a row's steps to run, so that its calls fit into its share of the time.

    Args:
        share_seconds: Time for all calls of the row.
        steps: Steps of a whole call.
        call_seconds: Predicted time of a whole call.
        calls: Number of calls that have to fit.
        most: The user's own limit.

    Returns:
        `steps`, or fewer, but never fewer than two of several.
    """
    fitting = steps * min(1.0, share_seconds / (calls * call_seconds)) if call_seconds else steps
    limited = min(int(fitting), steps if most is None else most)
    return min(max(limited, LEAST_STEPS), steps)


def repeats_within(budget_seconds: float, call_seconds: Mapping[str, float], *, most: int) -> dict[str, int]:
    """Return how often each row is measured, `most` at most and five times at least (or `most`, if that is less).

    Args:
        budget_seconds: Time for all rows together.
        call_seconds: Time of one call of each row.
        most: The number of repeats that the user asked for.
    """
    given = shares(budget_seconds, {name: most * seconds for name, seconds in call_seconds.items()})
    least = min(LEAST_REPEATS, most)
    return {
        name: min(max(math.floor(given[name] / seconds + 1e-9) if seconds else most, least), most)
        for name, seconds in call_seconds.items()
    }


def turns_within(
    budget_seconds: float, call_seconds: Mapping[str, float], *, reference: str | None, most: int
) -> dict[str, int]:
    """Return how often each row is measured, as `repeats_within`, and the reference as often as all others together.

    So some of its calls are near each of theirs. It gets `REFERENCE_SHARE` of the time at most for that, and the others
    what it leaves.

    Args:
        budget_seconds: Time for all rows together.
        call_seconds: Time of one call of each row.
        reference: The row that all others are compared with, if there is one.
        most: The number of repeats that the user asked for.
    """
    counts = repeats_within(budget_seconds, call_seconds, most=most)
    if reference is None:
        return counts
    its_seconds = call_seconds[reference]
    affordable = math.floor(REFERENCE_SHARE * budget_seconds / its_seconds) if its_seconds else most
    turns = max(counts[reference], min(sum(counts.values()) - counts[reference], affordable, most))
    others = {name: seconds for name, seconds in call_seconds.items() if name != reference}
    left = max(budget_seconds - turns * its_seconds, 0.0)
    return {**counts, **repeats_within(left, others, most=most), reference: turns}


def interleaved(counts: Mapping[str, int]) -> Iterator[str]:
    """Give the rows their turns: each row `counts[row]` times, spread evenly over the run.

    A machine that becomes slower or faster in the meantime does so to all rows alike. Rows with few and long calls do
    not follow each other either: between them come those with many, which each is compared with.
    """
    turns = [
        ((turn + (place + 0.5) / len(counts)) / count, place, name)
        for place, (name, count) in enumerate(counts.items())
        for turn in range(count)
    ]
    yield from (name for _, _, name in sorted(turns))
