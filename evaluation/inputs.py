"""Which pictures belong together, and which of them can be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from onestep.errors import InputError
from onestep.evaluation.measures.pixels import Picture
from onestep.evaluation.progress import Tell
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import READ_SUFFIXES, find_pictures, read_picture

_EXAMPLES: Final = 3
_LISTED: Final = 20


@dataclass(frozen=True)
class InputPicture:
    """An input that can be read, with its true translation where there is one."""

    name: str
    """File name without suffix."""
    path: Path
    size: FrameSize
    truth: Path | None = None


def is_video(text: str) -> bool:
    """Tell whether an input names a video: a file that is no picture by its suffix."""
    path = Path(text).expanduser()
    return path.is_file() and path.suffix.lower() not in READ_SUFFIXES


def pictures_by_stem(where: str | Path, what: str) -> dict[str, Path]:
    """Find the pictures of a folder or pattern, by their names without suffix.

    Args:
        where: As `onestep.runtime.pictures.find_pictures` takes it.
        what: What the pictures are called in messages, such as `--truth` or their folder.

    Raises:
        InputError: There is no picture, or two have one name and different suffixes.
    """
    found: dict[str, Path] = {}
    for path in find_pictures(where):
        if path.stem in found:
            raise InputError(
                f"{what}: {found[path.stem].name} and {path.name} have the same name without their suffixes, and "
                "pictures are matched by it. Rename or remove one."
            )
        found[path.stem] = path
    return found


def readable(
    pictures: Mapping[str, Path], what: str, notes: list[str], tell: Tell, *, least_px: int = 1
) -> dict[str, FrameSize]:
    """Read every picture once and return the sizes of those that can be measured, by name; note the others.

    Args:
        pictures: Files by name.
        what: What the pictures are called in notes and messages, such as `--inputs`.
        notes: Where it is noted which are left out, and why.
        tell: Called after each picture.
        least_px: Shortest side that can be measured.

    Raises:
        InputError: None of them can be.
    """
    sizes: dict[str, FrameSize] = {}
    failed = []
    for index, (name, path) in enumerate(pictures.items()):
        try:
            picture = read_picture(path)
            size = FrameSize(picture.shape[1], picture.shape[0])
            if min(size) < least_px:
                raise InputError(
                    f"{path} is {size}, and the measures need {least_px} pixels or more on each side. "
                    "Give a larger one."
                )
            sizes[name] = size
        except InputError as err:
            failed.append(str(err))
        tell(index + 1, len(pictures))
    notes += [f"{what}: left out. {message}" for message in failed]
    if not sizes:
        raise InputError(f"{what}: none of {len(pictures)} pictures can be read and measured. The first: {failed[0]}")
    return sizes


def matched(names: Iterable[str], others: Mapping[str, Path], what: str, notes: list[str]) -> set[str]:
    """Return the names that both have; note those of the inputs that are missing on the other side.

    Raises:
        InputError: They have no name in common.
    """
    wanted = list(names)
    common = {name for name in wanted if name in others}
    if not common:
        raise InputError(
            f"{what} has nothing in common with --inputs: pictures are matched by their names without suffix. Inputs: "
            f"{_some(wanted)}. {what}: {_some(others)}."
        )
    missing = [name for name in wanted if name not in common]
    if missing:
        notes.append(f"{what}: no picture for {len(missing)} of {len(wanted)} inputs: {_listed(missing)}.")
    return common


def resized_to(picture: Picture, size: FrameSize) -> Picture:
    """Return the picture at a size, by Pillow's Lanczos filter; the same array where it has that size already."""
    if picture.shape[:2] == (size.height, size.width):
        return picture
    return np.array(Image.fromarray(picture).resize((size.width, size.height), Image.Resampling.LANCZOS))


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:_EXAMPLES]) + (", …" if len(ordered) > _EXAMPLES else "")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
