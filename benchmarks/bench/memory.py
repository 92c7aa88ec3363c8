"""How much memory is free, and how much this process takes. Read from Linux's /proc."""

import contextlib
import ctypes
import gc
from pathlib import Path
from typing import TYPE_CHECKING

from onestep.errors import BackendError

if TYPE_CHECKING:
    from torch import nn

MARGIN_BYTES = 1 << 30
"""Left to the rest of the machine."""

_CGROUP = Path("/sys/fs/cgroup")


def resident_bytes() -> int:
    """Return the memory that this process has in use now."""
    return _kilobytes("/proc/self/status", "VmRSS")


def peak_bytes() -> int:
    """Return the largest memory that this process had in use since `restart_peak`."""
    return _kilobytes("/proc/self/status", "VmHWM")


def restart_peak() -> None:
    """Give unused memory back to the system and let the peak start from what is in use now."""
    give_back()
    with contextlib.suppress(OSError):  # containers may forbid it; then the peak is that of the whole run
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def give_back() -> None:
    """Free what nobody refers to, and hand the allocator's unused pages back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def available_bytes() -> int:
    """Return how much this process may still take before the machine swaps or the container is stopped."""
    free = _kilobytes("/proc/meminfo", "MemAvailable")
    with contextlib.suppress(OSError, ValueError, StopIteration):
        limit = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        free = min(free, limit - _cgroup_anonymous())
    return free


def check_room(needed_bytes: int, *, limit_bytes: int | None) -> None:
    """Raise BackendError if something that needs so much memory had better not be started.

    Args:
        needed_bytes: Estimate of what it will take beside what is in use now.
        limit_bytes: The user's own limit for this process; None for no limit but the machine's.
    """
    free = available_bytes() - MARGIN_BYTES
    if limit_bytes is not None:
        free = min(free, limit_bytes - resident_bytes())
    if needed_bytes > free:
        raise BackendError(
            f"not enough memory: it needs about {needed_bytes / 1e9:.1f} GB and {max(free, 0) / 1e9:.1f} GB may be used"
        )


def module_bytes(module: "nn.Module") -> int:
    """Return the size of a module's weights and buffers."""
    tensors = [*module.parameters(), *module.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _kilobytes(path: str, key: str) -> int:
    """Return the value of a line such as `VmRSS:  1234 kB`, in bytes."""
    for line in Path(path).read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0


def _cgroup_anonymous() -> int:
    lines = (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("anon "))
