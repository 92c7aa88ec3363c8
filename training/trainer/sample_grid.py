"""The same few pictures again and again: a grid per time as PNG, one row per picture, headed columns."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from onestep.atomic import whole_file
from onestep.errors import OutputError

Picture = NDArray[np.uint8]
_HEAD_PX = 16
_GAP_PX = 2


def write_grid(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Picture]]) -> None:
    """Write a grid; the file appears whole or not at all.

    Args:
        path: PNG file.
        columns: What each column shows.
        rows: `[H, W, 3] uint8` per column; all are scaled to the first one's size.

    Raises:
        OutputError: It cannot be written.
    """
    height, width = rows[0][0].shape[:2]
    sheet = Image.new(
        "RGB",
        (len(columns) * (width + _GAP_PX) - _GAP_PX, _HEAD_PX + len(rows) * (height + _GAP_PX) - _GAP_PX),
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=11)
    for column, name in enumerate(columns):
        draw.text((column * (width + _GAP_PX) + 2, 1), name, fill="white", font=font)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            place = (column * (width + _GAP_PX), _HEAD_PX + row * (height + _GAP_PX))
            sheet.paste(Image.fromarray(picture).resize((width, height)), place)
    try:
        with whole_file(path) as partial:
            sheet.save(partial, format="PNG")
    except OSError as err:
        raise OutputError(f"Writing the samples {path} failed: {err}. Make room, then --resume the run.") from err
