"""What quality is measured on: rendered views whose result is known, a rendered drive, and darkening by gamma.

inputs truth                the same views under the two conditions, `00000.png` and on
targets                     other scenes under the condition to reach
drive.mp4 known-result.mp4  the same drive under the two conditions
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.atomic import whole_folder
from onestep.cli.render_video import render_video
from onestep.domains import rendered_conditions
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import read_picture, write_picture
from onestep.scenes import Scene

Picture = NDArray[np.uint8]

SIZE: Final = FrameSize(512, 288)
_VIEW_SECONDS = 1.7
_FIRST_TARGET_SEED = 50_000
"""Inputs are the scenes from seed 0 on, which no training has seen; targets are others."""
_STEPS = 40


@dataclass(frozen=True)
class QualityMaterial:
    """Folders and videos of one translation."""

    folder: Path

    @property
    def inputs(self) -> Path:
        """Views to translate."""
        return self.folder / "inputs"

    @property
    def truth(self) -> Path:
        """The same views as they should come out."""
        return self.folder / "truth"

    @property
    def targets(self) -> Path:
        """Other scenes under the condition to reach."""
        return self.folder / "targets"

    @property
    def drive(self) -> Path:
        """A drive to translate."""
        return self.folder / "drive.mp4"

    @property
    def known_result(self) -> Path:
        """The same drive as it should come out."""
        return self.folder / "known-result.mp4"


def render_material(folder: Path, domain: str, *, scenes: int, seconds: float) -> QualityMaterial:
    """Render what is not there yet; the folder appears whole or not at all.

    Args:
        folder: Of this translation's material.
        domain: Name of a translation that scenes can be rendered for.
        scenes: Number of views, one of each scene; as many targets.
        seconds: Length of the drive.

    Raises:
        UnknownNameError: Scenes cannot be rendered for that translation.
        OutputError: The folder cannot be written.
    """
    source, result = rendered_conditions(domain)
    material = QualityMaterial(folder)
    if folder.is_dir():
        return material
    with whole_folder(folder, overwrite=False) as partial:
        fresh = QualityMaterial(partial)
        for path, condition, first in (
            (fresh.inputs, source, 0),
            (fresh.truth, result, 0),
            (fresh.targets, result, _FIRST_TARGET_SEED),
        ):
            _write_views(path, condition, range(first, first + scenes))
        for path, condition in ((fresh.drive, source), (fresh.known_result, result)):
            render_video(path, condition=condition, seconds=seconds, size=str(SIZE), seed=_FIRST_TARGET_SEED - 1)
    return material


def darken(inputs: Sequence[Path], like: Sequence[Path], folder: Path) -> float:
    """Darken pictures by one gamma, so that their mean level is that of others: the plainest night there is.

    Args:
        inputs: Pictures to darken.
        like: Pictures of the condition to reach.
        folder: Where the results go, named as the inputs.

    Returns:
        The gamma.
    """
    levels = np.zeros(256)
    for path in inputs:
        levels += np.bincount(read_picture(path).ravel(), minlength=256)
    gamma = gamma_for(levels, float(np.mean([read_picture(path).mean() for path in like])))
    table = np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for path in inputs:
        write_picture(folder / f"{path.stem}.png", table[read_picture(path)], overwrite=True)
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


def _write_views(folder: Path, condition: str, seeds: Iterable[int]) -> None:
    folder.mkdir(parents=True)
    for index, seed in enumerate(seeds):
        picture: Picture = Scene.random(seed).at(_VIEW_SECONDS, size=SIZE).render(condition)
        write_picture(folder / f"{index:05d}.png", picture)
