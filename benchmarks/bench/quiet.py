"""How quiet the machine was: what others took of it while the rows were measured."""

from pathlib import Path

_STAT = Path("/proc/stat")
_STEAL = 7
"""Of user, nice, system, idle, iowait, irq, softirq, steal (man 5 proc_stat)."""


class StolenTime:
    """The share of the processors' time that a hypervisor gave to other machines, from now on.

    Args:
        stat: The kernel's account; where it does not exist nothing is known.
    """

    def __init__(self, stat: Path = _STAT) -> None:
        self._stat, self._before = stat, _ticks(stat)

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where the kernel keeps no account of it."""
        after = _ticks(self._stat)
        if self._before is None or after is None:
            return None
        passed = [late - early for early, late in zip(self._before, after, strict=True)]
        return passed[_STEAL] / max(sum(passed), 1)


def _ticks(stat: Path) -> list[int] | None:
    if not stat.is_file():
        return None
    counts = stat.read_text(encoding="ascii").splitlines()[0].split()[1:]
    return [int(count) for count in counts[: _STEAL + 1]] if len(counts) > _STEAL else None
