"""What to say where an engine does not fit into a GPU's memory: what it needs, what is free, which size would fit."""

import re
from dataclasses import dataclass

from onestep.frame_size import FrameSize

_MULTIPLE = 64
"""Sizes are named in multiples that every base takes."""
_RAN_OUT = re.compile(r"out of memory|failed to allocate memory", re.IGNORECASE)
_REFUSED = re.compile(r"requested buffer of size (\d+)")


@dataclass(frozen=True)
class MemoryBefore:
    """A GPU's memory before a library that plans its own memory was asked to load a graph."""

    size: FrameSize
    """Frame size in pixels that the graph is to compute at."""
    weights_mib: int
    """What the graph's weights take, in MiB."""
    free_mib: int
    """What of the GPU's memory was free, in MiB."""
    total_mib: int
    """What the GPU has, in MiB."""

    def explained(self, failure: str) -> str | None:
        """Say what was short if a library's message tells of memory that ran out; None if it tells of something else.

        What would have been needed is not known, only that it was more than what was there and the buffer that was
        refused; the size that is named is the largest by that reckoning.
        """
        if not _RAN_OUT.search(failure):
            return None
        refused = _REFUSED.search(failure)
        refused_mib = -(-int(refused[1]) >> 20) if refused else 0
        left_mib = max(self.free_mib - self.weights_mib, 0)
        smaller = size_that_fits(self.size, needed_mib=max(left_mib + refused_mib, 1), free_mib=left_mib)
        also = f", and a buffer of {refused_mib} MiB more was refused" if refused else ""
        advice = f", or use a smaller --size, {smaller} or less" if smaller else ", or use a smaller --size"
        return (
            f"The GPU's memory ran out at {self.size}: {self.free_mib} of {self.total_mib} MiB were free before, the "
            f"weights take {self.weights_mib}{also}. End other programs on it{advice}."
        )


def does_not_fit(size: FrameSize, *, needed_mib: int, free_mib: int, total_mib: int) -> str:
    """Return the message for an engine that needs more memory than is free.

    Args:
        size: Frame size in pixels that the engine computes at.
        needed_mib: What it needs beside its weights, in MiB.
        free_mib: What of the GPU's memory is free, in MiB.
        total_mib: What the GPU has, in MiB.
    """
    smaller = size_that_fits(size, needed_mib=needed_mib, free_mib=free_mib)
    advice = f", or use a smaller --size: about {smaller} would fit" if smaller else "; no smaller size would fit"
    return (
        f"The engine needs {needed_mib} MiB for {size}, and {free_mib} of {total_mib} MiB of the GPU's memory are "
        f"free. End other programs on it{advice}."
    )


def size_that_fits(size: FrameSize, *, needed_mib: int, free_mib: int) -> FrameSize | None:
    """Return a smaller size of about the same aspect that needs what is free; None where there is none.

    What an engine needs beside its weights is its activations, which grow with the number of pixels (attention at the
    sizes in use is computed in pieces).
    """
    share = min(free_mib / needed_mib, 1.0)
    width, height = (int(side * share**0.5) // _MULTIPLE * _MULTIPLE for side in size)
    smaller = FrameSize(width, height)
    return smaller if width and height and smaller.pixels < size.pixels else None
