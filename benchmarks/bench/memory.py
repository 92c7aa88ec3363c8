"""How much memory is free, and how much this process takes. Read from Linux's /proc."""

import ctypes
import gc
from pathlib import Path
from typing import TYPE_CHECKING

from onestep.errors import BackendError
from onestep.machine_memory import available_bytes, kilobyte_line

if TYPE_CHECKING:
    from torch import nn

MARGIN_BYTES = 1 << 30
"""Left to the rest of the machine."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt(3)`."""
_NEVER_TRIM_BYTES, _LARGEST_ON_HEAP_BYTES = (1 << 31) - 1, 32 << 20
"""The largest threshold there is, and the one that glibc itself goes up to."""


def resident_bytes() -> int:
    """Return the memory that this process has in use now."""
    return kilobyte_line("/proc/self/status", "VmRSS")


def peak_bytes() -> int:
    """Return the largest memory that this process had in use since `restart_peak`."""
    return kilobyte_line("/proc/self/status", "VmHWM")


def restart_peak() -> bool:
    """Give unused memory back to the system and let the peak start from what is in use now.

    Returns:
        Whether it does: some containers forbid it, and then the peak is that of the whole process so far.
    """
    give_back()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def give_back() -> None:
    """Free what nobody refers to, and hand the allocator's unused pages back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_heap() -> bool:
    """Let this process keep the memory that it frees, until `give_back`.

    By default glibc hands it back whenever the end of the heap is free. PyTorch allocates each of a network's results
    anew: it then takes thousands of page faults a call, more or fewer by what happens to lie at the end of the heap, so
    that two processes that do the same differ by several percent. PyTorch's tuning guide recommends other allocators
    for that reason. Blocks beyond 32 MiB are still handed back.

    Returns:
        Whether it does: other C libraries have no such setting.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    settings = ((_TRIM_THRESHOLD, _NEVER_TRIM_BYTES), (_MMAP_THRESHOLD, _LARGEST_ON_HEAP_BYTES))
    return tune is not None and all(tune(name, value) for name, value in settings)


def check_room(needed_bytes: int, *, limit_bytes: float | None) -> None:
    """Raise BackendError if something that needs so much memory had better not be started.

    Args:
        needed_bytes: Estimate of what it will take beside what is in use now.
        limit_bytes: The user's own limit for this process; None for no limit but the machine's.
    """
    free: float = available_bytes() - MARGIN_BYTES
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
