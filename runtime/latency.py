"""How long frames took, as a histogram whose size never changes.

A video may hold a million frames, so latencies are not kept one by one. They are counted in bins whose edges grow by
1 % each, from 10 microseconds to 1000 seconds: a percentile read from the bins is off by half a bin, 0.5 %, at most.
"""

import math

import numpy as np

_LOWEST_MS = 0.01
_GROWTH = 1.01
_BINS = math.ceil(math.log(1e8) / math.log(_GROWTH))


class LatencyHistogram:
    """Counts of latencies in milliseconds, in memory of fixed size (about 15 kB)."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)
        self._least_ms = math.inf
        self._greatest_ms = 0.0
        self.count = 0

    def add(self, latency_ms: float) -> None:
        """Count one latency in milliseconds."""
        place = math.log(max(latency_ms, _LOWEST_MS) / _LOWEST_MS) / math.log(_GROWTH)
        self._counts[min(int(place), _BINS - 1)] += 1
        self._least_ms = min(self._least_ms, latency_ms)
        self._greatest_ms = max(self._greatest_ms, latency_ms)
        self.count += 1

    def percentile(self, percent: float) -> float:
        """Return the latency in milliseconds below which `percent` per cent of all lie; 0 when none was counted.

        Args:
            percent: Above 0, up to 100.
        """
        if self.count == 0:
            return 0.0
        rank = max(math.ceil(self.count * percent / 100), 1)
        place = int(np.searchsorted(np.cumsum(self._counts), rank))
        middle_ms = float(_LOWEST_MS * _GROWTH ** (place + 0.5))
        return min(max(middle_ms, self._least_ms), self._greatest_ms)
