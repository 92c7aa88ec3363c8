"""The sides of a training folder under the names that messages use."""

from collections.abc import Mapping
from pathlib import Path

from onestep.training.data.folders import PairedFolder, UnpairedFolder, pictures_in

Sides = Mapping[str, tuple[Path, ...]]
"""Pictures by side: `train A`, `train B`, `test A`, `test B`; of pairs, A are the sources and B the targets."""

_FOLDERS = {"source": "train A", "target": "train B"} | {
    f"{split}{joint}{side}": f"{split} {side}" for split in ("train", "test") for joint in ("_", "") for side in "AB"
}


def sides_of(found: UnpairedFolder | PairedFolder) -> Sides:
    """Return the sides of what was recognised."""
    if isinstance(found, UnpairedFolder):
        return {"train A": found.train_a, "train B": found.train_b, "test A": found.test_a, "test B": found.test_b}
    return {
        f"{split} {side}": tuple(pair.source if side == "A" else pair.target for pair in pairs)
        for split, pairs in (("train", found.train), ("test", found.test))
        for side in "AB"
    }


def side_folders(folder: Path) -> dict[Path, str]:
    """Return the folders on disk that look like sides, and the side of each."""
    return {folder / name: side for name, side in _FOLDERS.items() if (folder / name).is_dir()}


def sides_on_disk(folder: Path) -> Sides:
    """Return the sides of a folder whose layout could not be recognised as a whole."""
    sides: dict[str, tuple[Path, ...]] = {}
    for path, side in side_folders(folder).items():
        sides[side] = sides.get(side, ()) + pictures_in(path)
    return sides
