"""How much memory a run may take on this machine."""

from pathlib import Path

import torch

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a GPU, or of the machine or the container that this process is in."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return min(_available(_MEMINFO), _free_in_group(_GROUP))


def _available(meminfo: Path) -> int:
    """Return what Linux can give without swapping."""
    rows = dict(line.split(":", 1) for line in meminfo.read_text("ascii").splitlines())
    return int(rows["MemAvailable"].removesuffix("kB")) * 1024


def _free_in_group(group: Path) -> int:
    """Return what a control group leaves its processes; very much where it sets no limit."""
    try:
        limit = int((group / "memory.max").read_text("ascii"))
        return limit - int((group / "memory.current").read_text("ascii"))
    except (OSError, ValueError):  # no such file outside a container; the word "max" without a limit
        return 2**62
