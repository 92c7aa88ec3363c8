"""What the device can do: its rate of matrix products and of copies, measured in the same run as the rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

from bench.clock import Clock
from bench.timing import spread

_SIDES = {"cpu": 2048, "cuda": 8192}
_COPY_BYTES = {"cpu": 256 << 20, "cuda": 1 << 30}
_SECONDS = 1.6
_LARGEST_SHARE = 0.05


@dataclass(frozen=True)
class Rates:
    """Of matrix products and of copies."""

    matrix_flops_per_second: float
    """Of a product of two large square matrices in the run's precision; a multiply-add is two operations."""
    copy_bytes_per_second: float
    """Of a copy within the device's memory, reads and writes both counted."""

    def better(self, other: "Rates") -> "Rates":
        """Return the higher of both rates, each by itself."""
        return Rates(
            max(self.matrix_flops_per_second, other.matrix_flops_per_second),
            max(self.copy_bytes_per_second, other.copy_bytes_per_second),
        )

    def floor_ms(self, *, flops: float, traffic_bytes: float) -> float:
        """Return the least time that so many operations and so many bytes can take on this device."""
        seconds = max(flops / self.matrix_flops_per_second, traffic_bytes / self.copy_bytes_per_second)
        return 1e3 * seconds


class Probe:
    """Measures both rates, for some time before and after the rows, and briefly between their turns.

    A processor that others share is as fast as they let it be: what a row reached is compared with what the device gave
    at the time, the median of the samples between the turns, and the floor with the best that was ever seen.

    Args:
        device: `cpu` or `cuda`.
        dtype: The run's precision.
        now: The clock, in seconds, by which samples are due.
    """

    def __init__(self, *, device: str, dtype: torch.dtype, now: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._side = Clock(device), _SIDES[device]
        self._left, self._right = (torch.randn(self._side, self._side, device=device).to(dtype) for _ in range(2))
        self._product = torch.empty_like(self._left)
        self._source = torch.zeros(_COPY_BYTES[device], dtype=torch.uint8, device=device)
        self._target = torch.empty_like(self._source)
        self._between: list[Rates] = []
        self._now, self._due = now, _Due(now())

    def best(self) -> Rates:
        """Measure for some time, and return the best of many calls."""
        self.sample()
        rates, end = self.sample(), self._now() + _SECONDS
        while self._now() < end:
            rates = rates.better(self.sample())
        return rates

    def sample_between(self) -> None:
        """Take one sample and keep it, unless samples would take more than a twentieth of the time."""
        start = self._now()
        if self._due.at(start):
            self._between.append(self.sample())
            self._due.spent(self._now() - start)

    @property
    def median_between(self) -> Rates | None:
        """The median of each rate over the samples that were kept; None where there is none."""
        if not self._between:
            return None
        return Rates(
            median(each.matrix_flops_per_second for each in self._between),
            median(each.copy_bytes_per_second for each in self._between),
        )

    @property
    def spread_between(self) -> float | None:
        """Spread of the matrix rate over the samples that were kept; None where there is none."""
        return spread([each.matrix_flops_per_second for each in self._between]) if self._between else None

    @property
    def count_between(self) -> int:
        """How many samples were kept."""
        return len(self._between)

    def sample(self) -> Rates:
        """Measure one product and one copy."""
        product = self._clock.time(lambda: torch.mm(self._left, self._right, out=self._product))
        copy = self._clock.time(lambda: self._target.copy_(self._source))
        return Rates(
            matrix_flops_per_second=2.0 * self._side**3 / (product.host_ms / 1e3),
            copy_bytes_per_second=2.0 * self._source.numel() / (copy.host_ms / 1e3),
        )


@dataclass
class _Due:
    """Keeps what is done now and then below its share of the time."""

    begun: float
    seconds: float = 0.0

    def at(self, now: float) -> bool:
        return self.seconds <= _LARGEST_SHARE * (now - self.begun)

    def spent(self, seconds: float) -> None:
        self.seconds += seconds
