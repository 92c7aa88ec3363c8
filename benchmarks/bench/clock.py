"""Clocks: synchronised wall time for whole calls, events on the device for what lies between."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class CallTime:
    """How long one call took."""

    host_ms: float
    """Wall time from before the call until the device has finished its work."""
    device_ms: float | None
    """Time between two events on the device's stream; None on a processor, where it is the wall time."""


class Clock:
    """Measures on a processor or on a CUDA device.

    Args:
        device: `cpu` or `cuda`.
    """

    def __init__(self, device: str) -> None:
        self._on_gpu = device == "cuda"

    def synchronise(self) -> None:
        """Wait until the device has done all it was given."""
        if self._on_gpu:
            torch.cuda.synchronize()

    def mark(self) -> Any:
        """Return a point in time: an event on the device's stream, which costs no waiting, or the processor's clock."""
        if not self._on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def milliseconds(self, start: Any, end: Any) -> float:
        """Return the time between two marks that the device has passed."""
        return float(start.elapsed_time(end)) if self._on_gpu else 1e3 * (end - start)

    def time(self, call: Callable[[], object]) -> CallTime:
        """Call, and measure from the host's view and the device's."""
        self.synchronise()
        start, first = time.perf_counter(), self.mark()
        call()
        last = self.mark()
        self.synchronise()
        host_ms = 1e3 * (time.perf_counter() - start)
        return CallTime(host_ms, self.milliseconds(first, last) if self._on_gpu else None)
