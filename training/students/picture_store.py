"""A folder of pictures as one array on disk, all scaled and cut to one size."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from onestep.atomic import check_disk
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import find_pictures, read_picture


def stored_pictures(
    folder: Path,
    path: Path,
    size: FrameSize,
    *,
    on_picture: Callable[[int, int | None], None] = lambda done, total: None,
) -> NDArray[np.uint8]:
    """Read all pictures of a folder into an array file, one after the other, or open the one that is there.

    Args:
        folder: Holds pictures; folders inside are not searched.
        path: The array file, `.npy`.
        size: What each picture is scaled to cover, and cut to around its middle.
        on_picture: Called with how many are read, and how many there are.

    Returns:
        `[N, H, W, 3] uint8`, RGB, a memory map; sorted by name.

    Raises:
        InputError: There is no picture in the folder, or one cannot be read.
        OutputError: The disk has no room for them.
    """
    if not path.exists():
        found, partial = find_pictures(folder), path.with_suffix(".partial")
        shape = (len(found), size.height, size.width, 3)
        check_disk(path, needed_bytes=math.prod(shape), advice="name another folder with --work")
        stored = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        for index, picture in enumerate(found):
            stored[index] = _covering(read_picture(picture), size)
            on_picture(index + 1, len(found))
        stored.flush()
        partial.rename(path)
    opened: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return opened


def _covering(picture: NDArray[np.uint8], size: FrameSize) -> NDArray[np.uint8]:
    image = ImageOps.fit(Image.fromarray(picture), (size.width, size.height), Image.Resampling.LANCZOS)
    return np.asarray(image)
