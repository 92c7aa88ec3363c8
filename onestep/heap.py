"""What becomes of the memory that this process frees: handed back to the system, or kept for the next call."""

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt(3)`."""
_NEVER_TRIM_BYTES, _LARGEST_ON_HEAP_BYTES = (1 << 31) - 1, 32 << 20
"""The largest threshold there is, and the one that glibc itself goes up to."""


def give_back() -> None:
    """Free what nobody refers to, and hand the allocator's unused pages back to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_heap() -> bool:
    """Let this process keep the memory that it frees, until `give_back`.

    By default glibc hands large blocks back at once, and the rest whenever the end of the heap is free. PyTorch
    allocates each of a network's results anew, NumPy and OpenCV each picture: a call then takes thousands of page
    faults, more or fewer by what happens to lie at the end of the heap, so that two processes that do the same differ
    by several percent. PyTorch's tuning guide recommends other allocators for that reason. Blocks beyond 32 MiB are
    still handed back.

    Returns:
        Whether it does: other C libraries have no such setting.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    settings = ((_TRIM_THRESHOLD, _NEVER_TRIM_BYTES), (_MMAP_THRESHOLD, _LARGEST_ON_HEAP_BYTES))
    return tune is not None and all(tune(name, value) for name, value in settings)
