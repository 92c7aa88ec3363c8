"""What is said of an engine that does not fit: figures worked out by hand."""

import pytest

from onestep.frame_size import FrameSize
from onestep.runtime.cuda.memory import MemoryBefore, does_not_fit, size_that_fits


@pytest.mark.parametrize(
    ("size", "needed_mib", "free_mib", "expected"),
    [
        ((1024, 1024), 4000, 1000, (512, 512)),  # a quarter of the memory: half of each side
        ((1280, 704), 4000, 1000, (640, 320)),  # half of 704 is 352, and 320 the multiple of 64 below it
        ((1024, 576), 1000, 999, (960, 512)),  # a little less: one step down on both sides
        ((512, 512), 8000, 100, None),  # an eightieth: less than 64 pixels wide
        ((512, 512), 1000, 0, None),
        ((512, 512), 1000, 5000, None),  # it fits as it is: nothing smaller to name
    ],
)
def test_the_size_that_would_fit(
    size: tuple[int, int], needed_mib: int, free_mib: int, expected: tuple[int, int] | None
) -> None:
    found = size_that_fits(FrameSize(*size), needed_mib=needed_mib, free_mib=free_mib)
    assert found == (FrameSize(*expected) if expected else None)
    if found is not None:
        assert found.pixels * needed_mib / (size[0] * size[1]) <= free_mib


def test_the_message_has_all_three() -> None:
    assert does_not_fit(FrameSize(1024, 1024), needed_mib=4000, free_mib=1000, total_mib=8192) == (
        "The engine needs 4000 MiB for 1024x1024, and 1000 of 8192 MiB of the GPU's memory are free. "
        "End other programs on it, or use a smaller --size: about 512x512 would fit."
    )
    text = does_not_fit(FrameSize(64, 32), needed_mib=9000, free_mib=8000, total_mib=8192)
    assert text.endswith("End other programs on it; no smaller size would fit.")


def test_a_library_that_ran_out_is_explained() -> None:
    before = MemoryBefore(FrameSize(1024, 1024), weights_mib=2000, free_mib=3000, total_mib=8192)
    text = "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 3145728000"
    assert before.explained(text) == (
        "The GPU's memory ran out at 1024x1024: 3000 of 8192 MiB were free before, the weights take 2000, and a buffer "
        "of 3000 MiB more was refused. End other programs on it, or use a smaller --size, 512x512 or less."
    )
    assert before.explained("CUDA failure 2: out of memory") == (
        "The GPU's memory ran out at 1024x1024: 3000 of 8192 MiB were free before, the weights take 2000. End other "
        "programs on it, or use a smaller --size."
    )
    assert before.explained("CUDA failure 700: an illegal memory access was encountered") is None
