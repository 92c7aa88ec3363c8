"""What to say where an engine does not fit into a GPU's memory: what it needs, what is free, which size would fit."""

from onestep.frame_size import FrameSize

_MULTIPLE = 64
"""Sizes are named in multiples that every base takes."""


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
