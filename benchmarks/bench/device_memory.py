"""Memory of a CUDA device, as its driver counts it: PyTorch's own count knows nothing of other libraries."""

import torch

from onestep.errors import BackendError


def device_free_bytes() -> int:
    """Return what the driver has free on the device."""
    free, _ = torch.cuda.mem_get_info()
    return int(free)


def give_back_device() -> None:
    """Hand what PyTorch's allocator keeps for later back to the driver."""
    torch.cuda.empty_cache()


def check_device_room(needed_bytes: int, *, free_bytes: int) -> None:
    """Raise BackendError if something that needs so much of a device's memory had better not be started."""
    if needed_bytes > free_bytes:
        raise BackendError(
            f"not enough memory on the GPU: it needs about {needed_bytes / 1e9:.1f} GB and {free_bytes / 1e9:.1f} GB "
            "are free"
        )
