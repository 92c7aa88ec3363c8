"""The interval of a share."""

import math
from statistics import NormalDist


def wilson_interval(successes: float, count: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).

    Args:
        successes: From 0 to `count`; need not be whole.
        count: Trials, at least 1.
        confidence: Coverage, between 0 and 1.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / count
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(centre - half, 0.0), min(centre + half, 1.0)
