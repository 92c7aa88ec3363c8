"""How quiet the machine was: what others took of it while the rows were measured."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")
_IDLE, _WAITING, _STEAL = 3, 4, 7
"""Of user, nice, system, idle, iowait, irq, softirq, steal (man 5 proc_stat)."""


@dataclass(frozen=True)
class Disturbance:
    """Shares of the processors' time, from 0 to 1; None where the kernel keeps no account of it."""

    stolen_share: float | None
    """What a hypervisor gave to other machines."""
    others_share: float | None
    """What other processes of this machine computed."""


def own_seconds() -> float:
    """Return the processor time of this process and of the children that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Watch:
    """Watches who takes the processors' time, from now on.

    Args:
        stat: The kernel's account.
        own: Gives this process's own time, in seconds.
    """

    def __init__(self, stat: Path = _STAT, own: Callable[[], float] = own_seconds) -> None:
        self._stat, self._own = stat, own
        self._before, self._own_before = _ticks(stat), own()

    @property
    def disturbance(self) -> Disturbance:
        """What others took since the watch began."""
        after = _ticks(self._stat)
        if self._before is None or after is None:
            return Disturbance(None, None)
        passed = [late - early for early, late in zip(self._before, after, strict=True)]
        whole = max(sum(passed), 1)
        busy = whole - passed[_IDLE] - passed[_WAITING] - passed[_STEAL] if sum(passed) else 0
        own = (self._own() - self._own_before) * os.sysconf("SC_CLK_TCK")
        return Disturbance(passed[_STEAL] / whole, max(busy - own, 0.0) / whole)


def _ticks(stat: Path) -> list[int] | None:
    if not stat.is_file():
        return None
    counts = stat.read_text(encoding="ascii").splitlines()[0].split()[1:]
    return [int(count) for count in counts[: _STEAL + 1]] if len(counts) > _STEAL else None
