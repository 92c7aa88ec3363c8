"""Finds what would stop or spoil a training, before the training does."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from onestep.errors import InputError
from onestep.training.data.check_duplicates import duplicates, leaks, same_sides
from onestep.training.data.check_pairs import looked_at_pairs, pair_sizes, same_pairs
from onestep.training.data.check_pictures import colour_modes, different_sizes, sizes, unreadable_pictures
from onestep.training.data.check_texts import amounts, orphans, passed_over, prompts
from onestep.training.data.finding import DataReport, Finding
from onestep.training.data.folders import PairedFolder, UnpairedFolder
from onestep.training.data.layout import recognise_layout
from onestep.training.data.look import Look, Unreadable, look_at
from onestep.training.data.preparation import Preparation
from onestep.training.data.sides import Sides, sides_of, sides_on_disk
from onestep.usable_cores import usable_cores

Tell = Callable[[int, int], None]


def check_data(
    folder: str | Path, *, preparation: Preparation, on_progress: Tell = lambda done, total: None
) -> DataReport:
    """Check a folder of training pictures. Every picture is decoded once.

    Args:
        folder: The folder, see `onestep.training.data.layout`.
        preparation: How the training will bring pictures to size.
        on_progress: Called with how many pictures were looked at and how many there are.

    Returns:
        What was found. A layout that cannot be recognised is a finding too; its pictures are checked all the same.

    Raises:
        MissingInputError: There is no such folder.
    """
    folder = Path(folder)
    found: UnpairedFolder | PairedFolder | None = None
    findings: list[Finding] = []
    try:
        found = recognise_layout(folder)
    except InputError as err:
        if not folder.is_dir():
            raise
        findings.append(Finding("error", "layout", str(err)))
    sides = sides_of(found) if found is not None else sides_on_disk(folder)
    findings += _of_pictures(sides, found, preparation, on_progress)
    findings += _of_folder(folder, found)
    return DataReport(
        folder=folder,
        layout=found.layout if found is not None else None,
        counts={side: len(pictures) for side, pictures in sides.items()},
        findings=tuple(sorted(findings, key=lambda finding: finding.level)),  # stable, and errors sort before warnings
    )


def _of_pictures(
    sides: Sides, found: UnpairedFolder | PairedFolder | None, preparation: Preparation, on_progress: Tell
) -> Iterator[Finding]:
    seen = _looked_at(sides, on_progress)
    looks = {side: [look for look in all_of if isinstance(look, Look)] for side, all_of in seen.items()}
    for side, all_of in seen.items():
        yield from unreadable_pictures(side, all_of)
        yield from colour_modes(side, looks[side])
        yield from sizes(side, looks[side], preparation)
    yield from different_sizes(looks, preparation)
    yield from leaks(looks)
    if isinstance(found, PairedFolder):
        yield from pair_sizes(looked_at_pairs((*found.train, *found.test), looks), preparation)
        yield from same_pairs(looked_at_pairs(found.train, looks))
    else:
        yield from same_sides(looks)
    yield from duplicates(looks)


def _of_folder(folder: Path, found: UnpairedFolder | PairedFolder | None) -> Iterable[Finding]:
    yield from passed_over(folder)
    if found is not None:
        yield from prompts(found)
        yield from amounts(found)
    if isinstance(found, PairedFolder):
        yield from orphans(folder, found)


def _looked_at(sides: Sides, on_progress: Tell) -> dict[str, list[Look | Unreadable]]:
    total = sum(map(len, sides.values()))
    seen: dict[str, list[Look | Unreadable]] = {side: [] for side in sides}
    done = 0
    with ThreadPoolExecutor(min(usable_cores(), 8)) as pool:
        for side, pictures in sides.items():
            for look in pool.map(look_at, pictures):
                seen[side].append(look)
                done += 1
                on_progress(done, total)
    return seen
