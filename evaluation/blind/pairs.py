"""The pairs that a blind page shows: pictures of the same stem in two folders."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onestep.errors import InputError, SettingError
from onestep.evaluation.inputs import pictures_by_stem
from onestep.runtime.pictures import read_picture

FEWEST_PAIRS: Final = 2
_MOST_NAMED = 8
_SHAPE_TOLERANCE = 0.01


@dataclass(frozen=True)
class Pair:
    """Two pictures of the same moment."""

    name: str
    """The stem that both files have."""
    first: Path
    second: Path
    source: Path | None
    """The picture that both were made from, where the inputs were given."""


def find_pairs(folders: Mapping[str, Path], inputs: Path | None = None) -> list[Pair]:
    """Find the pairs of two folders, sorted by name.

    Args:
        folders: Two folders by their labels.
        inputs: Folder with the inputs; each pair needs one of its stem.

    Raises:
        SettingError: Not two folders, one folder twice, or the label `tie`.
        MissingInputError: A folder does not exist.
        InputError: Fewer than two pairs, the same pictures in both folders, two files of one stem, a picture that
            cannot be read, pictures of a pair that differ in shape, or a pair without its input.
    """
    first, second = _two_folders(folders)
    pictures = [pictures_by_stem(folder, str(folder)) for folder in (first, second)]
    names = sorted(pictures[0].keys() & pictures[1].keys())
    if len(names) < FEWEST_PAIRS:
        raise InputError(_too_few(first, second, *pictures, common=names))
    sources = _sources(inputs, names) if inputs else {}
    pairs = [Pair(name, pictures[0][name], pictures[1][name], sources.get(name)) for name in names]
    _check_pictures(pairs)
    if all(content_hash(pair.first) == content_hash(pair.second) for pair in pairs):
        raise InputError(
            f"All {len(pairs)} pairs of {first} and {second} hold the same pictures, so there is nothing to compare. "
            "Give the outputs of two different translators."
        )
    return pairs


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _two_folders(folders: Mapping[str, Path]) -> tuple[Path, Path]:
    if len(folders) != 2:
        raise SettingError(f"A blind comparison takes two folders, got {len(folders)}. Write A=DIR B=DIR.")
    if "tie" in folders:
        raise SettingError("A folder cannot be labelled 'tie': that is what a vote without a preference is called.")
    first, second = (Path(folder) for folder in folders.values())
    for folder in (first, second):
        if folder.is_file():
            raise InputError(f"{folder} is a file. Give the folder of pictures that it lies in.")
    if first.exists() and second.exists() and first.samefile(second):
        raise SettingError(f"Both sides are the same folder, {first}. Give the outputs of two translators.")
    return first, second


def _too_few(
    first: Path, second: Path, of_first: dict[str, Path], of_second: dict[str, Path], *, common: list[str]
) -> str:
    if common:
        return (
            f"{first} and {second} have one picture in common, {common[0]}. A blind comparison takes at least "
            f"{FEWEST_PAIRS} pairs, and some thirty before its interval says much."
        )
    examples = f"{min(of_first)} ... in {first}, {min(of_second)} ... in {second}"
    return f"{first} and {second} have no picture in common. Pairs need the same stem in both; found {examples}."


def _sources(inputs: Path, names: list[str]) -> dict[str, Path]:
    found = pictures_by_stem(inputs, str(inputs))
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(f"{inputs} has no input for {_named(missing)}. Add them, or leave the inputs out.")
    return found


def _check_pictures(pairs: list[Pair]) -> None:
    """Read every picture once and refuse what cannot be shown fairly, all of it in one message."""
    unreadable, unequal = [], []
    for pair in pairs:
        try:
            shapes = [read_picture(path).shape for path in (pair.first, pair.second)]
            if pair.source:
                read_picture(pair.source)
        except InputError as err:
            unreadable.append(str(err))
            continue
        if abs(shapes[0][1] / shapes[0][0] / (shapes[1][1] / shapes[1][0]) - 1) > _SHAPE_TOLERANCE:
            unequal.append(f"{pair.name} ({' and '.join(f'{s[1]}x{s[0]}' for s in shapes)})")
    if unreadable:
        raise InputError(f"{len(unreadable)} pairs cannot be read: {_named(unreadable)}. Mend or remove them.")
    if unequal:
        raise InputError(
            f"{len(unequal)} pairs differ in shape, which would give the side away: {_named(unequal)}. "
            "Crop or scale them to the same proportions."
        )


def _named(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return "; ".join(names[:_MOST_NAMED]) + (f"; and {rest} more" if rest > 0 else "")
