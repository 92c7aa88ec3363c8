"""Checks between pictures: duplicates, leaks from test into training, sides that are the same."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from onestep.training.data.finding import Finding
from onestep.training.data.look import Look, paths_of
from onestep.training.data.near import near_pairs

SAME_SHARE: Final = 0.5
"""Sides of which this share is alike hold no translation to learn."""

Looks = Mapping[str, Sequence[Look]]
"""Pictures by side: `train A`, `train B`, `test A`, `test B`."""


def duplicates(looks: Looks) -> Iterable[Finding]:
    """Yield a warning for each side with equal or nearly equal pictures."""
    for side, pictures in looks.items():
        equal = _equal_groups(pictures)
        if equal:
            count = sum(len(group) - 1 for group in equal)
            message = f"{side}, exact duplicates of another picture: {count} of {len(pictures)}. Take them out."
            yield Finding("warning", "duplicates", message, paths_of(equal))
        near = near_pairs(pictures)
        if near:
            count = len({look.path for pair in near for look in pair})
            message = f"{side}, pictures that look nearly like another one: {count} of {len(pictures)}."
            yield Finding("warning", "near-duplicates", message, paths_of(near))


def leaks(looks: Looks) -> Iterable[Finding]:
    """Yield an error for test pictures that are in training too, and a warning for nearly equal ones.

    Sides are compared with their own: in a paired set a test target may well equal some training source.
    """
    for side in "AB":
        train, test = looks.get(f"train {side}", ()), looks.get(f"test {side}", ())
        equal = _shared(train, test)
        if equal:
            message = (
                f"Test pictures of {side} that are in training too: {len(equal)} of {len(test)}. Validation would "
                "reward learning by heart: take them out of one of the two."
            )
            yield Finding("error", "leak", message, paths_of(equal))
        near = _near_between(train, test)
        if near:
            count = len({look.path for _, look in near})
            message = f"Test pictures of {side} that look nearly like a training picture: {count} of {len(test)}."
            yield Finding("warning", "near-leak", message, paths_of(near))


def same_sides(looks: Looks) -> Iterable[Finding]:
    """Yield an error if the sides of an unpaired set are the same pictures, a warning if they share some."""
    a, b = looks.get("train A", ()), looks.get("train B", ())
    shared = [*_shared(a, b), *_near_between(a, b)]
    if not shared:
        return
    count = min(len({look.path for look, _ in shared}), len({look.path for _, look in shared}))
    message = f"Pictures of train A that are in train B too, or nearly so: {count} of {len(a)}"
    if count >= SAME_SHARE * min(len(a), len(b)):
        yield Finding(
            "error",
            "same-sides",
            f"{message}. The sides are the same, so there is no translation to learn. "
            "Put the other domain into train B.",
            paths_of(shared),
        )
    else:
        yield Finding("warning", "same-sides", f"{message}. Take them out of one of the two.", paths_of(shared))


def _equal_groups(looks: Iterable[Look]) -> list[list[Look]]:
    groups: dict[bytes, list[Look]] = defaultdict(list)
    for look in looks:
        groups[look.digest].append(look)
    return [group for group in groups.values() if len(group) > 1]


def _shared(one: Sequence[Look], other: Sequence[Look]) -> list[tuple[Look, Look]]:
    """Return each picture of `other` that is in `one`, after its twin there."""
    twins = {look.digest: look for look in one}
    return [(twins[look.digest], look) for look in other if look.digest in twins]


def _near_between(one: Sequence[Look], other: Sequence[Look]) -> list[tuple[Look, Look]]:
    """Return the pairs, one of each side, that look alike and are not equal."""
    equal = {look.digest for look in one} & {look.digest for look in other}
    sides = {look.path: index for index, side in enumerate((one, other)) for look in side}
    pairs = near_pairs([look for look in (*one, *other) if look.digest not in equal])
    ordered = (sorted(pair, key=lambda look: sides[look.path]) for pair in pairs)
    return [(first, second) for first, second in ordered if sides[first.path] != sides[second.path]]
