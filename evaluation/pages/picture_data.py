"""Pictures as data URIs, scaled to what a screen shows."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from onestep.runtime.pictures import read_picture


@dataclass(frozen=True)
class PictureData:
    """A picture that is part of a page."""

    uri: str
    """`data:image/webp;base64,...`"""
    width_px: int
    height_px: int


def picture_data(path: Path, *, side_px: int, quality: int) -> PictureData:
    """Return a picture as WebP in a data URI.

    Args:
        path: Picture file.
        side_px: Longest side; larger pictures are scaled down (Lanczos), smaller ones stay as they are.
        quality: WebP's, 1 to 100.

    Raises:
        InputError: The file is no picture, see `onestep.runtime.pictures.read_picture`.
    """
    image = Image.fromarray(read_picture(path))
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "WEBP", quality=quality, method=4)
    return PictureData(data_uri("image/webp", content.getvalue()), *image.size)


def data_uri(media_type: str, content: bytes) -> str:
    """Return bytes as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
