"""What a check needs to know of one picture, from decoding it once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from onestep.errors import InputError
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import read_picture

THUMBNAIL_PX: Final = 16


@dataclass(frozen=True)
class Look:
    """A picture that could be decoded.

    Attributes:
        path: Its file.
        size: Upright size in pixels.
        mode: Pillow's name of its colour mode in the file, such as `RGB`, `L` or `RGBA`.
        digest: SHA-256 of size and RGB values: equal for equal pictures, whatever the file format.
        difference_hash: 64 bits, whether each place of a 9x8 grey picture is darker than the one to its right.
        thumbnail: `[16, 16, 3] uint8`, means over areas.
    """

    path: Path
    size: FrameSize
    mode: str
    digest: bytes
    difference_hash: int
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True)
class Unreadable:
    """A picture that could not be decoded, and why."""

    path: Path
    reason: str
    empty: bool


def look_at(path: Path) -> Look | Unreadable:
    """Decode a picture wholly and describe it."""
    try:
        rgb = read_picture(path)
        with Image.open(path) as image:
            mode = image.mode
    except (InputError, OSError) as err:
        return Unreadable(path, str(err), empty=path.is_file() and path.stat().st_size == 0)
    height, width = rgb.shape[:2]
    picture = Image.fromarray(rgb)
    return Look(
        path=path,
        size=FrameSize(width, height),
        mode=mode,
        digest=hashlib.sha256(f"{width}x{height}:".encode() + rgb.tobytes()).digest(),
        difference_hash=_difference_hash(picture),
        thumbnail=np.array(picture.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)),
    )


def paths_of(groups: Iterable[Sequence[Look]]) -> tuple[tuple[Path, ...], ...]:
    """Return the files of groups of pictures that belong together, as findings name them."""
    return tuple(tuple(look.path for look in group) for group in groups)


def _difference_hash(picture: Image.Image) -> int:
    grey = np.asarray(picture.resize((9, 8), Image.Resampling.BOX).convert("L"))
    return int.from_bytes(np.packbits(grey[:, :-1] < grey[:, 1:]).tobytes(), "big")
