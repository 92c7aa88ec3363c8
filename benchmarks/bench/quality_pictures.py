"""Pictures to look at: a clip with the input beside the output, and a sheet of views."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.learning_plots import draw_contact_sheet
from onestep.evaluation.results import PictureRef
from onestep.runtime.pictures import read_picture
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.writer import VideoWriter

_SHEET_VIEWS = 8


def side_by_side(left: Path, right: Path, output: Path) -> None:
    """Write a clip that shows two videos of one size and length beside each other.

    Args:
        left: The input.
        right: Its translation.
        output: The clip; replaced if it is there.

    Raises:
        OnestepError: A video cannot be read, or the clip cannot be written.
    """
    with closing(VideoReader(left)) as before, closing(VideoReader(right)) as after:
        info = replace(before.info, width=before.info.width + after.info.width, name=f"{left.name} | {right.name}")
        with VideoWriter(output, info, overwrite=True) as writer:
            for first, second in zip(before, after, strict=True):
                both = [frame.to_ndarray(format="rgb24") for frame in (first, second)]
                assert first.pts is not None
                writer.write(np.concatenate(both, axis=1), pts=first.pts)


def contact_sheet(pictures: Sequence[PictureRef], rows: Sequence[str], output: Path) -> None:
    """Draw views as rows: the input, some translators' outputs, the truth where there is one.

    Args:
        pictures: What an evaluation lists.
        rows: Names of the translators, from left to right.
        output: The PNG.

    Raises:
        OnestepError: matplotlib is not installed, a picture cannot be read, or the sheet cannot be written.
    """
    columns: Mapping[str, list[Path]] = {
        "input": [picture.source for picture in pictures],
        **{row: [picture.outputs[row] for picture in pictures] for row in rows},
        "truth": [picture.truth for picture in pictures if picture.truth is not None],
    }
    read = {name: [read_picture(path) for path in paths] for name, paths in columns.items() if paths}
    draw_contact_sheet(read, output, views=_SHEET_VIEWS)
