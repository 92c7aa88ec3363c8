"""How much memory this process may still take. Read from Linux's /proc and its control group."""

import contextlib
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_bytes(group: Path = _CGROUP) -> int:
    """Return how much this process may still take before the machine swaps or the container is stopped.

    Args:
        group: Folder of the control group that this process is in. Files that it caches do not count: they give way.
    """
    free = kilobyte_line("/proc/meminfo", "MemAvailable")
    with contextlib.suppress(OSError, ValueError, StopIteration):
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        free = min(free, limit - _anonymous_bytes(group))
    return free


def kilobyte_line(path: str, key: str) -> int:
    """Return the value of a line such as `VmRSS:  1234 kB` of a file in /proc, in bytes; 0 where there is none."""
    for line in Path(path).read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0


def _anonymous_bytes(group: Path) -> int:
    lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("anon "))
