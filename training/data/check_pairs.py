"""Checks within pairs: pictures of two shapes, targets that are their sources."""

from collections.abc import Iterable, Sequence
from itertools import chain

from onestep.training.data.check_duplicates import SAME_SHARE, Looks
from onestep.training.data.finding import Finding
from onestep.training.data.folders import Pair
from onestep.training.data.look import Look, paths_of
from onestep.training.data.near import looks_alike
from onestep.training.data.preparation import Preparation, have_one_aspect

LookedAt = tuple[Look, Look]
"""Source and target of one pair."""


def looked_at_pairs(pairs: Sequence[Pair], looks: Looks) -> list[LookedAt]:
    """Return the pairs of which both pictures could be read."""
    by_path = {look.path: look for look in chain.from_iterable(looks.values())}
    return [
        (by_path[pair.source], by_path[pair.target])
        for pair in pairs
        if pair.source in by_path and pair.target in by_path
    ]


def pair_sizes(pairs: Sequence[LookedAt], preparation: Preparation) -> Iterable[Finding]:
    """Yield an error for pairs of two aspects, else for those of two sizes where the preparation leaves it so.

    Of two aspects and squeezed to one size, the pictures match if one was squeezed before: a warning.
    """
    skewed = [pair for pair in pairs if not _are_of_one_aspect(pair)]
    if skewed:
        message = f"Pairs whose pictures differ in aspect: {_some(skewed, pairs)}."
        if preparation.scaled is None:
            message += " Their pixels do not match: crop them alike, or take them out."
        else:
            message += (
                f" {preparation.name} squeezes both to one size: they match only if one was squeezed before. Look at "
                "some, and crop the others alike."
            )
        yield Finding("error" if preparation.scaled is None else "warning", "pair-sizes", message, paths_of(skewed))
    scaled = [pair for pair in pairs if pair[0].size != pair[1].size and _are_of_one_aspect(pair)]
    if scaled and not preparation.scales:
        message = (
            f"Pairs whose pictures differ in size, which {preparation.name} leaves so: {_some(scaled, pairs)}. "
            "Choose a preparation that scales, such as resize_256."
        )
        yield Finding("error", "pair-sizes", message, paths_of(scaled))


def same_pairs(pairs: Sequence[LookedAt]) -> Iterable[Finding]:
    """Yield an error where half or more of the sources are their targets; a warning where a few are."""
    alike = [pair for pair in pairs if looks_alike(*pair)]
    if not alike:
        return
    message = f"Pairs whose target is the source, or nearly so: {len(alike)} of {len(pairs)}"
    if len(alike) >= SAME_SHARE * len(pairs):
        yield Finding("error", "same-sides", f"{message}. There is no translation to learn.", paths_of(alike))
    else:
        kept = "Take them out, unless such sources shall stay as they are."
        yield Finding("warning", "same-sides", f"{message}. {kept}", paths_of(alike))


def _some(found: Sequence[LookedAt], pairs: Sequence[LookedAt]) -> str:
    source, target = found[0]
    return f"{len(found)} of {len(pairs)}, such as {source.size} and {target.size}"


def _are_of_one_aspect(pair: LookedAt) -> bool:
    source, target = pair
    return have_one_aspect(source.size, target.size)
