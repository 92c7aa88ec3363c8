"""The least time of a row: by the device's rate of matrix products in the row's own precision, and of copies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch

from bench.clock import Clock
from bench.rates import Rates
from bench.row import RowSpec
from bench.workload import Workload

_WIDTHS = ("fp32", "fp16", "int8")
"""From the widest: who may compute in few bits may compute in more."""
_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "int8": torch.int8}
_SIDES = {"cpu": 1024, "cuda": 8192}
_PRODUCTS = 12


@dataclass(frozen=True)
class Floors:
    """Floors on one device."""

    rates: Rates
    """In the run's precision."""
    matrix_rates: Mapping[str, float] = field(default_factory=dict)
    """Operations per second of matrix products, by precision; those that are not there count as the run's."""

    def floor_ms(self, spec: RowSpec, workload: Workload, *, flops: int) -> float:
        """Return the least time of a frame, in milliseconds.

        Args:
            spec: The row: its precision, and the weights that it reads for each of the UNet's calls.
            workload: For the run's precision and the weights.
            flops: Operations of a frame.
        """
        precision = spec.precision or workload.settings.precision
        known = {workload.settings.precision: self.rates.matrix_flops_per_second, **self.matrix_rates}
        usable = [known[each] for each in _WIDTHS[: _WIDTHS.index(precision) + 1] if each in known]
        rate = max(usable, default=self.rates.matrix_flops_per_second)
        traffic = spec.weight_bytes(workload) * max(spec.steps, 1)
        return Rates(rate, self.rates.copy_bytes_per_second).floor_ms(flops=flops, traffic_bytes=traffic)

    def better(self, other: "Floors") -> "Floors":
        """Return the floors of the higher of all rates, each by itself."""
        names = {*self.matrix_rates, *other.matrix_rates}
        best = {name: max(self.matrix_rates.get(name, 0.0), other.matrix_rates.get(name, 0.0)) for name in names}
        return Floors(self.rates.better(other.rates), best)


def matrix_rates(precisions: Iterable[str], device: str) -> dict[str, float]:
    """Measure the best of some products of two large square matrices in each precision.

    Args:
        precisions: `fp32`, `fp16` or `int8`.
        device: `cpu` or `cuda`.

    Returns:
        Operations per second, without the precisions in which this PyTorch cannot multiply on the device.
    """
    rates = {}
    for precision in precisions:
        rate = _matrix_rate(_DTYPES[precision], device)
        if rate is not None:
            rates[precision] = rate
    return rates


def _matrix_rate(dtype: torch.dtype, device: str) -> float | None:
    side, clock = _SIDES[device], Clock(device)
    left, right = (torch.ones(side, side, dtype=dtype, device=device) for _ in range(2))
    multiply = torch._int_mm if dtype == torch.int8 else torch.mm  # torch has no public product of int8 matrices
    try:
        times = [clock.time(lambda: multiply(left, right)).host_ms for _ in range(_PRODUCTS)]
    except RuntimeError:
        return None
    return 2.0 * side**3 / (min(times[1:]) / 1e3)
