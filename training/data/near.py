"""Pictures that look nearly alike: saved again, scaled, or neighbours in a video of a still scene."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from onestep.training.data.look import Look

TOLERANCE: Final = 8
"""Largest difference of two thumbnails, in levels of 255, at any of their 16x16 places."""

LARGEST_BUCKET: Final = 1000
"""Flat pictures share parts of their hash by the thousand: of such a bucket only the first are compared, for time."""


def looks_alike(one: Look, other: Look) -> bool:
    """Tell whether two pictures differ so little that one is as good as the other, whatever their sizes."""
    difference = np.abs(one.thumbnail.astype(np.int16) - other.thumbnail.astype(np.int16))
    return int(difference.max()) <= TOLERANCE


def near_pairs(looks: Sequence[Look]) -> list[tuple[Look, Look]]:
    """Find the pairs that look alike and are not equal.

    Candidates share one of the four quarters of their difference hash, so that the time grows with the number of
    pictures and not with its square. Pairs whose hashes differ in all four quarters are not found, nor those beyond the
    first thousand that share a quarter.
    """
    unique = list({look.digest: look for look in reversed(looks)}.values())[::-1]
    found = {(first, second) for bucket in _buckets(unique) for first, second in _alike_in(unique, bucket)}
    return [(unique[first], unique[second]) for first, second in sorted(found)]


def _alike_in(looks: Sequence[Look], bucket: Sequence[int]) -> Iterable[tuple[int, int]]:
    thumbnails = np.stack([looks[index].thumbnail for index in bucket]).astype(np.int16).reshape(len(bucket), -1)
    for place, first in enumerate(bucket):
        largest = np.abs(thumbnails[place + 1 :] - thumbnails[place]).max(axis=1)
        yield from ((first, bucket[place + 1 + other]) for other in np.flatnonzero(largest <= TOLERANCE).tolist())


def _buckets(looks: Sequence[Look]) -> Iterable[list[int]]:
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, look in enumerate(looks):
        for quarter in range(4):
            buckets[quarter, look.difference_hash >> (16 * quarter) & 0xFFFF].append(index)
    return (bucket[:LARGEST_BUCKET] for bucket in buckets.values() if len(bucket) > 1)
