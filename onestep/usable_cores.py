"""How many processor cores this process may keep busy. Read from Linux's scheduler and its control group."""

import contextlib
import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable_cores(group: Path = _CGROUP) -> int:
    """Return how many cores this process may keep busy, at least 1.

    A container that is given two cores' time of a machine of 64 still sees all 64: as many threads would use up the
    time of each period at once, and stand still for the rest of it.

    Args:
        group: Folder of the control group that this process is in, version 2: its `cpu.max` has the time that it may
            take in each period. Part of a core counts as one.
    """
    cores = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):
        taken, period = (group / "cpu.max").read_text(encoding="ascii").split()
        cores = min(cores, max(1, math.ceil(int(taken) / int(period))))
    return cores
