"""Single pictures: read as upright 8-bit RGB, written whole or not at all, and found by file, folder or pattern."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from onestep.errors import InputError, MissingInputError, OutputError, SettingError
from onestep.frame_size import FrameSize
from onestep.runtime.video.target import check_target

READ_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""Files that a folder or a pattern is searched for. A file that is named itself may have any suffix."""

WRITE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp")

_FIRST_TURNED: Final = 5
"""EXIF orientations from this on have width and height exchanged."""

_SAVE_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    ".png": {"compress_level": 4},
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"quality": 95},
}


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture as a person sees it.

    The EXIF orientation is applied; palettes, grey and CMYK become RGB; 16-bit samples are scaled to 8 bits; what is
    transparent is laid on white; of an animation the first picture is taken.

    Returns:
        uint8 `[H, W, 3]`, RGB, contiguous.

    Raises:
        MissingInputError: The file does not exist.
        InputError: It is not a picture, is cut off, or may not be read.
    """
    with _opened(Path(path)) as image:
        return _rgb(ImageOps.exif_transpose(image))


def picture_size(path: str | Path) -> FrameSize:
    """Return the size that `read_picture` gives, from the file's header alone.

    Raises:
        InputError: As `read_picture`, as far as the header shows it.
    """
    with _opened(Path(path)) as image:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= _FIRST_TURNED
        width, height = image.size
        return FrameSize(height, width) if turned else FrameSize(width, height)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture, and say of whatever fails while it is read what is wrong with the file."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a picture. Give one picture file, such as {path / 'picture.png'}.")
    if not path.exists():
        raise MissingInputError(f"There is no picture {path}. Check the path; relative paths start at {Path.cwd()}.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes), so there is no picture in it. Copy it again.")
    try:
        with Image.open(path) as image:
            yield image
    except UnidentifiedImageError as err:
        raise InputError(f"{path} is not a picture that Pillow can read. Give a .png, .jpg or .webp file.") from err
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as err:
        raise InputError(f"{path} cannot be read as a picture ({err}). Copy or save it again.") from err


def write_picture(
    path: str | Path, rgb: NDArray[np.uint8], *, source: Path | None = None, overwrite: bool = False
) -> None:
    """Write a picture under a temporary name beside its own, then rename it. JPEG and WebP get quality 95.

    Args:
        path: File ending in .png, .jpg, .jpeg or .webp.
        rgb: uint8 `[H, W, 3]`, RGB.
        source: Input file, which is never overwritten.
        overwrite: Replace an existing file.

    Raises:
        OutputError: It cannot be written there, see `onestep.runtime.video.target.check_target`, or the disk is full.
        SettingError: `rgb` is not a uint8 array of shape `[H, W, 3]`.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise SettingError(f"A picture must be uint8 [H, W, 3], got {rgb.dtype} {list(rgb.shape)}.")
    target = check_target(Path(path), suffixes=WRITE_SUFFIXES, source=source, overwrite=overwrite)
    picture, options = Image.fromarray(np.ascontiguousarray(rgb)), _SAVE_OPTIONS[target.path.suffix.lower()]
    try:
        with target.writing() as partial:
            picture.save(partial, **options)
    except (OSError, ValueError) as err:
        raise OutputError(f"{target.path} cannot be written ({err}). Nothing was left behind.") from err
    target.publish()


def find_pictures(text: str | Path) -> list[Path]:
    """Find the pictures that a file, a folder or a pattern such as `shots/*.png` or `shots/**/*.jpg` names.

    Returns:
        At least one path, sorted by name. Folders are not searched below their first level.

    Raises:
        MissingInputError: There is no such file or folder.
        InputError: There is no picture in the folder, or none fits the pattern.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        found = _pictures_among(path, "*")
    elif any(letter in str(path) for letter in "*?["):
        base = Path(path.anchor or ".")
        found = _pictures_among(base, str(path.relative_to(path.anchor)))
    else:
        raise MissingInputError(
            f"There is no file or folder {path}. Check the path, or quote a pattern such as '*.png'."
        )
    if not found:
        raise InputError(f"No picture was found in {path}. Looked for: {', '.join(READ_SUFFIXES)}.")
    return found


def _pictures_among(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.suffix.lower() in READ_SUFFIXES and path.is_file())


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Convert a picture of any mode to uint8 `[H, W, 3]`."""
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"))  # [H, W, 3]


def _eight_bits(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale grey samples `[H, W]` to 8 bits: integers from 16 bits, floats from [0, 1]."""
    values = grey.astype(np.float64)
    full_scale = 1.0 if grey.dtype.kind == "f" else 65535.0
    scaled: NDArray[np.uint8] = np.clip(np.rint(values * (255.0 / full_scale)), 0, 255).astype(np.uint8)
    return scaled
