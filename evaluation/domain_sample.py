"""What is kept of a folder of real pictures: feature vectors, histograms and colour statistics, never the pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from onestep.errors import InputError
from onestep.evaluation.instruments import Instruments
from onestep.evaluation.measures.pixels import Picture
from onestep.evaluation.measures.reinhard import ColourStatistics, ColourSums
from onestep.evaluation.parallel import map_pictures
from onestep.evaluation.picture_view import PictureView
from onestep.evaluation.progress import Tell
from onestep.runtime.pictures import find_pictures, read_picture

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class DomainSample:
    """Pictures of a domain, reduced."""

    paths: list[Path]
    features: dict[str, NDArray[np.float32]]
    """[n, D] by network."""
    histograms: NDArray[np.float64]
    """[n, 3, BINS]."""
    colours: ColourStatistics

    def half(self, first: bool) -> "DomainSample":
        """Return every second picture, from the first one on or from the second."""
        part = slice(0 if first else 1, None, 2)
        features = {net: values[part] for net, values in self.features.items()}
        return DomainSample(self.paths[part], features, self.histograms[part], self.colours)


def domain_sample(
    folder: Path, what: str, instruments: Instruments, notes: list[str], tell: Tell, *, threads: int | None = None
) -> DomainSample:
    """Read a folder of pictures and keep what the measures need.

    Args:
        folder: Or a pattern.
        what: What the folder is called in notes and messages, such as `--targets`.
        instruments: Whose feature networks are used.
        notes: Where unreadable pictures are noted.
        tell: Called after each picture.
        threads: Pictures in work at the same time; None takes all cores.

    Raises:
        InputError: There is no picture that can be read.
    """

    def reduced(rgb: Picture) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float64], ColourSums]:
        view, sums = PictureView(rgb, instruments), ColourSums()
        sums.add(rgb)
        return view.features, view.histogram, sums

    found = _of_each(folder, what, reduced, notes, tell, threads)
    features = {net: np.stack([vectors[net] for vectors, _, _ in found.values()]) for net in instruments.nets}
    histograms = np.stack([histogram for _, histogram, _ in found.values()])
    sums = sum((each for _, _, each in found.values()), ColourSums())
    return DomainSample(list(found), features, histograms, sums.statistics())


def picture_features(
    folder: Path, what: str, instruments: Instruments, notes: list[str], tell: Tell, *, threads: int | None = None
) -> tuple[list[Path], NDArray[np.float32]]:
    """Return the paths of a folder's pictures and their features [n, D] on the main network; see `domain_sample`."""
    net = instruments.nets[instruments.main_net]
    found = _of_each(folder, what, lambda rgb: net.features(rgb[None])[0], notes, tell, threads)
    return list(found), np.stack(list(found.values()))


def _of_each(
    folder: Path, what: str, work: Callable[[Picture], _Result], notes: list[str], tell: Tell, threads: int | None
) -> dict[Path, _Result]:
    """Work on every picture of a folder that can be read; note the others."""
    paths = find_pictures(folder)

    def result_or_error(path: Path) -> _Result | InputError:
        try:
            return work(read_picture(path))
        except InputError as err:
            return err

    found: dict[Path, _Result] = {}
    for path, result in zip(paths, map_pictures(result_or_error, paths, threads=threads, tell=tell), strict=True):
        if isinstance(result, InputError):
            notes.append(f"{what}: left out. {result}")
        else:
            found[path] = result
    if not found:
        raise InputError(f"{what}: none of {len(paths)} pictures in {folder} can be read. {notes[-1]}")
    return found
