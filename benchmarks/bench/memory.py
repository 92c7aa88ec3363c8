"""How much memory is free, and how much this process takes. Read from Linux's /proc."""

from pathlib import Path
from typing import TYPE_CHECKING

from onestep.errors import BackendError
from onestep.heap import give_back
from onestep.machine_memory import available_bytes, kilobyte_line

if TYPE_CHECKING:
    from torch import nn

MARGIN_BYTES = 1 << 30
"""Left to the rest of the machine."""


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
