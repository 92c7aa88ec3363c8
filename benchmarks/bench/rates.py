"""What the device can do at best: its rate of matrix products and of copies, measured in the same run."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from bench.clock import Clock

_SIDES = {"cpu": 2048, "cuda": 8192}
_COPY_BYTES = {"cpu": 256 << 20, "cuda": 1 << 30}
_SECONDS = 0.8


@dataclass(frozen=True)
class Rates:
    """The best that was seen."""

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


def measured_rates(*, device: str, dtype: torch.dtype) -> Rates:
    """Measure both rates for about a second each, and keep the best of many calls."""
    clock, side = Clock(device), _SIDES[device]
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = torch.empty_like(left)
    source = torch.zeros(_COPY_BYTES[device], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return Rates(
        matrix_flops_per_second=2.0 * side**3 / _best_seconds(clock, lambda: torch.mm(left, right, out=product)),
        copy_bytes_per_second=2.0 * source.numel() / _best_seconds(clock, lambda: target.copy_(source)),
    )


def _best_seconds(clock: Clock, call: Callable[[], object]) -> float:
    clock.time(call)
    best, end = float("inf"), time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        best = min(best, clock.time(call).host_ms / 1e3)
    return best
