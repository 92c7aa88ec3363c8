"""Plain translations that a learnt one is held against: darkening by one gamma, and colours taken from the truth."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.reinhard import ColourStatistics, ColourSums, reinhard
from onestep.evaluation.video_material import rgb_frames
from onestep.runtime.pictures import read_picture, write_picture
from onestep.runtime.video.encoder import EncoderSettings
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.writer import VideoWriter

Picture = NDArray[np.uint8]

_STEPS = 40
_HARDLY_ANY_LOSS = 4
"""Constant rate factor of H.264: compression must not pass for unsteadiness."""


def darken(inputs: Sequence[Path], like: Sequence[Path], folder: Path) -> float:
    """Darken pictures by one gamma, so that their mean level is that of others: the plainest night there is.

    Args:
        inputs: Pictures to darken.
        like: Pictures of the condition to reach.
        folder: Where the results go, named as the inputs.

    Returns:
        The gamma.
    """
    gamma = gamma_for(_level_counts(map(read_picture, inputs)), _mean_level(like))
    folder.mkdir(parents=True, exist_ok=True)
    for path in inputs:
        write_picture(folder / f"{path.stem}.png", _levels_after(gamma)[read_picture(path)], overwrite=True)
    return gamma


def darken_video(source: Path, like: Sequence[Path], output: Path) -> float:
    """Darken a video by one gamma, so that the mean level of all its frames is that of pictures.

    Args:
        source: The video.
        like: Pictures of the condition to reach.
        output: The darkened video, with the times of the source; replaced if it is there.

    Returns:
        The gamma.

    Raises:
        OnestepError: The video cannot be read or written.
    """
    with VideoReader(source) as reader:
        gamma = gamma_for(_level_counts(rgb for _frame, rgb in rgb_frames(reader)), _mean_level(like))
    levels, settings = _levels_after(gamma), EncoderSettings(codec="h264", quality=_HARDLY_ANY_LOSS)
    output.parent.mkdir(parents=True, exist_ok=True)
    with (
        VideoReader(source) as reader,
        VideoWriter(output, reader.info, settings=settings, overwrite=True) as writer,
    ):
        for frame, rgb in rgb_frames(reader):
            writer.write(levels[rgb], pts=frame.pts or 0)
    return gamma


def gamma_for(levels: NDArray[np.float64], mean_level: float) -> float:
    """Return the gamma after which a histogram of 256 levels has a mean level; nearest to it within 1/64 and 64."""
    weights, light = levels / levels.sum(), np.arange(256) / 255
    low, high = 1 / 64, 64.0
    for _ in range(_STEPS):
        middle = (low * high) ** 0.5
        too_bright = 255 * float(weights @ light**middle) > mean_level
        low, high = (middle, high) if too_bright else (low, middle)
    return float((low * high) ** 0.5)


def transfer_to_truth(inputs: Sequence[Path], truth: Path, folder: Path) -> None:
    """Give each picture the colours of its own true result, by Reinhard's transfer: an oracle, since nobody has them.

    Args:
        inputs: Pictures to recolour.
        truth: Folder of their true results, named as the inputs.
        folder: Where the results go, named as the inputs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in inputs:
        made = reinhard(read_picture(path), colours_of([truth / path.name]))
        write_picture(folder / f"{path.stem}.png", made, overwrite=True)


def colours_of(pictures: Iterable[Path]) -> ColourStatistics:
    """Return the statistics of the pixels of all pictures, at least one."""
    sums = ColourSums()
    for path in pictures:
        sums.add(read_picture(path))
    return sums.statistics()


def _level_counts(pictures: Iterable[Picture]) -> NDArray[np.float64]:
    """Count the samples of each level, [256]."""
    levels = np.zeros(256)
    for picture in pictures:
        levels += np.bincount(picture.ravel(), minlength=256)
    return levels


def _mean_level(pictures: Sequence[Path]) -> float:
    return float(np.mean([read_picture(path).mean() for path in pictures]))


def _levels_after(gamma: float) -> Picture:
    """Return what becomes of each level, uint8 [256]."""
    return np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
