"""Checks of what stands beside the pictures: prompts, captions, test pictures, files that are passed over."""

from collections.abc import Iterable
from pathlib import Path

from onestep.training.data.few import few_warning
from onestep.training.data.finding import Finding
from onestep.training.data.folders import PairedFolder, UnpairedFolder, pictures_in
from onestep.training.data.sides import side_folders, sides_of


def prompts(found: UnpairedFolder | PairedFolder) -> Iterable[Finding]:
    """Yield warnings for prompts that are missing and captions without text."""
    if isinstance(found, PairedFolder):
        silent = [pair for pair in (*found.train, *found.test) if not pair.caption.strip()]
        if silent:
            message = f"Captions without text: {len(silent)}. Describe the target in a few words."
            yield Finding("warning", "prompts", message, tuple((pair.target,) for pair in silent))
        return
    for side, prompt, direction in (("a", found.prompt_a, "b2a"), ("b", found.prompt_b, "a2b")):
        if prompt is None:
            message = (
                f"There is no prompt for side {side.upper()}, which the direction {direction} is told by. Write one "
                f"line into fixed_prompt_{side}.txt, or pass --prompt-{side}."
            )
            yield Finding("warning", "prompts", message)


def orphans(folder: Path, found: PairedFolder) -> Iterable[Finding]:
    """Yield a warning for pictures of a paired set that no caption names."""
    named = {path for side in sides_of(found).values() for path in side}
    unnamed = [path for place in side_folders(folder) for path in pictures_in(place) if path not in named]
    if unnamed:
        message = f"Pictures without a caption, which are left out: {len(unnamed)}. Name them in the JSON file."
        yield Finding("warning", "orphans", message, tuple((path,) for path in unnamed))


def amounts(found: UnpairedFolder | PairedFolder) -> Iterable[Finding]:
    """Yield warnings for few training pictures and missing test pictures."""
    if few := few_warning(found):
        yield Finding("warning", "few-pictures", few)
    empty = [side for side, pictures in sides_of(found).items() if not pictures]
    if empty:
        message = f"There are no pictures for {' and '.join(empty)}, so there is no validation on unseen ones."
        yield Finding("warning", "no-test", message)


def passed_over(folder: Path) -> Iterable[Finding]:
    """Yield a warning for what lies in a side's folder and is not taken for a picture."""
    for place, side in side_folders(folder).items():
        pictures = set(pictures_in(place))
        others = sorted(path for path in place.iterdir() if path not in pictures and not path.name.startswith("."))
        if others:
            message = f"{side}, files and folders that are no pictures by their suffix, and passed over: {len(others)}."
            yield Finding("warning", "passed-over", message, tuple((path,) for path in others))
