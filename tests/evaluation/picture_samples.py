"""Rendered pictures by day and night, known degradations, and folders of them."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from onestep.runtime.pictures import write_picture
from onestep.scenes import Scene

Picture = NDArray[np.uint8]
SIZE = (256, 144)
SEEDS = (1, 2, 3, 4)


@lru_cache
def rendered(seed: int, condition: str = "day", size: tuple[int, int] = SIZE) -> Picture:
    """Return a rendered drive, one moment of it."""
    picture: Picture = Scene.random(seed).at(0.5, size=size).render(condition)
    picture.flags.writeable = False
    return picture


def as_bytes(values: NDArray[np.floating]) -> Picture:
    """Round and cut values to bytes."""
    rounded: Picture = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def darkened(picture: Picture, factor: float) -> Picture:
    """Multiply every byte."""
    return as_bytes(picture * factor)


def blurred(picture: Picture, sigma_px: float) -> Picture:
    """Blur with a Gaussian."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


def noisy(picture: Picture, levels: float) -> Picture:
    """Add Gaussian noise of a standard deviation, always the same draw."""
    return as_bytes(picture + np.random.default_rng(3).normal(0, levels, picture.shape))


def shifted(picture: Picture, pixels: float) -> Picture:
    """Move the picture to the right; it comes in again on the left."""
    return np.roll(picture, int(pixels), axis=1)


def recoloured(picture: Picture, amount: float) -> Picture:
    """Move the colour towards blue by levels."""
    return as_bytes(picture + amount * np.array([-1.0, -0.3, 1.0]))


LADDERS: dict[str, tuple[Callable[[Picture, float], Picture], tuple[float, ...]]] = {
    "blur": (blurred, (1.0, 2.0, 4.0, 8.0)),
    "noise": (noisy, (5.0, 15.0, 40.0, 90.0)),
    "shift": (shifted, (2.0, 4.0, 8.0, 20.0)),
    "recolour": (recoloured, (5.0, 15.0, 40.0, 90.0)),
}
"""A degradation and its growing strengths."""


def ladder(name: str, picture: Picture) -> list[Picture]:
    """Return the picture and then its degradations, ever stronger."""
    degrade, strengths = LADDERS[name]
    return [picture, *(degrade(picture, strength) for strength in strengths)]


def write_folder(folder: Path, pictures: dict[str, Picture]) -> Path:
    """Write pictures by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        write_picture(folder / f"{name}.png", picture)
    return folder
