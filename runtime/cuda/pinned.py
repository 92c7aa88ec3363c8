"""Page-locked host memory as numpy arrays, which the GPU copies from and to without the processor."""

import ctypes
import logging
import weakref

import numpy as np

from onestep.errors import BackendError
from onestep.frame_size import FrameSize
from onestep.runtime.cuda.calls import Cuda
from onestep.runtime.slots import Pixels

_log = logging.getLogger(__name__)


def pinned_frame(cuda: Cuda, size: FrameSize) -> Pixels:
    """Allocate a black frame of page-locked memory.

    The memory is freed when the last array that views it is gone, so that no view outlives it.

    Args:
        cuda: On which it is allocated.
        size: Width and height in pixels.

    Returns:
        [h, w, 3] uint8, contiguous, at an address that does not change.

    Raises:
        BackendError: There is not that much memory.
    """
    count = size.pixels * 3
    address = int(cuda.call("cudaHostAlloc", count, cuda.api.cudaHostAllocDefault))
    memory = (ctypes.c_uint8 * count).from_address(address)
    weakref.finalize(memory, _free, cuda, address)
    frame: Pixels = np.ctypeslib.as_array(memory).reshape(size.height, size.width, 3)
    frame[:] = 0
    return frame


def _free(cuda: Cuda, address: int) -> None:
    """Free the memory; what fails here, such as after the driver has gone at exit, is nobody's to mend."""
    try:
        cuda.call("cudaFreeHost", address)
    except BackendError as err:
        _log.debug("%s", err)
