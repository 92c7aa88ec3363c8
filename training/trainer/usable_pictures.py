"""Whether every picture of a run can be used, from the files' headers, before anything is written."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Final

from onestep.errors import InputError
from onestep.frame_size import FrameSize, checked_multiple
from onestep.runtime.pictures import picture_size, read_picture
from onestep.training.data import PairedFolder, UnpairedFolder
from onestep.training.data.preparation import Preparation
from onestep.training.data.sides import sides_of
from onestep.usable_cores import usable_cores

Tell = Callable[[int, int], None]
"""Called with how many pictures were looked at and how many there are."""

_ENDS: Final = (b"\xff\xd9", b"IEND\xaeB`\x82")
"""The last bytes of a JPEG and of a PNG that were not cut off."""
_TAIL_BYTES: Final = max(map(len, _ENDS))


def untold(done: int, total: int) -> None:
    """Say nothing."""


def check_usable(
    data: UnpairedFolder | PairedFolder, how: Preparation, *, multiple: int, batch_size: int, tell: Tell = untold
) -> None:
    """Find out what a run would find out in the middle: a picture that cannot be read, or has no size to compute at.

    A file that ends as a whole JPEG or PNG does is judged by its header, and any other is decoded. Damage further
    inside is found by `onestep data check` alone.

    Args:
        data: Pictures of training and test.
        how: Brings them to size.
        multiple: Of pixels, which the generator's pictures have as sides.
        batch_size: Pictures of each side in the batch of one process.
        tell: Told of the progress.

    Raises:
        InputError: A picture cannot be read or is below the crop; those of a pair show different places; those of one
            batch would differ in size.
        SettingError: A picture keeps its size, and that is no multiple of the generator's.
    """
    sides = sides_of(data)
    sizes = _sizes(list(chain.from_iterable(sides.values())), tell)
    for path, size in sizes.items():
        how.check_size(size, of=path)
        if how.size is None:
            checked_multiple(size, multiple, what=f"{path} does not fit: the base")
    for pair in (*data.train, *data.test) if isinstance(data, PairedFolder) else ():
        how.check_pair(sizes[pair.source], sizes[pair.target], of=f"{pair.source} and {pair.target}")
    if how.size is None and batch_size > 1:
        for side in ("train A", "train B"):
            _check_one_size({path: sizes[path] for path in sides[side]}, how, batch_size)


def _sizes(paths: list[Path], tell: Tell) -> dict[Path, FrameSize]:
    sizes = {}
    with ThreadPoolExecutor(min(usable_cores(), 8)) as pool:
        for path, size in zip(paths, pool.map(_size, paths), strict=True):
            sizes[path] = size
            tell(len(sizes), len(paths))
    return sizes


def _size(path: Path) -> FrameSize:
    size = picture_size(path)
    with path.open("rb") as file:
        file.seek(-min(_TAIL_BYTES, path.stat().st_size), 2)
        if not file.read().endswith(_ENDS):
            read_picture(path)
    return size


def _check_one_size(sizes: dict[Path, FrameSize], how: Preparation, batch_size: int) -> None:
    first, *others = sizes
    other = next((path for path in others if sizes[path] != sizes[first]), None)
    if other is not None:
        raise InputError(
            f"{how.name} leaves pictures as they are, and they differ in size: {first} is {sizes[first]}, {other} is "
            f"{sizes[other]}. A batch of {batch_size} needs one size: choose a preparation that brings them to one, "
            "such as resize_256, or train with a batch_size of 1."
        )
