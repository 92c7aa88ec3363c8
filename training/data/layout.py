"""Recognises how a folder of training pictures is laid out.

    reference     train_A train_B [test_A test_B] [fixed_prompt_a.txt fixed_prompt_b.txt]            unpaired
                  train_A train_B train_prompts.json [test_A test_B test_prompts.json]               paired
    ControlNet    source/ target/ prompt.json                                                        paired
    BDD100K       bdd100k.toml                                                                       unpaired

`trainA` is as good as `train_A`.
"""

from pathlib import Path
from typing import Final

from onestep.errors import InputError, MissingInputError
from onestep.training.data.bdd100k import SPECIFICATION_FILE, read_specification
from onestep.training.data.controlnet import PROMPT_FILE, read_controlnet
from onestep.training.data.folders import Pair, PairedFolder, UnpairedFolder, pictures_in
from onestep.training.data.named_files import check_named_files
from onestep.training.data.prompts import read_captions, read_prompt

LAYOUTS: Final = """\
  unpaired: train_A/ train_B/, with test_A/ test_B/ fixed_prompt_a.txt fixed_prompt_b.txt if you have them
  paired:   the same folders and train_prompts.json, test_prompts.json {"file name": "caption"}
  paired:   source/ target/ prompt.json, as ControlNet's fill50k
  BDD100K:  bdd100k.toml, which says where pictures and labels lie"""


def recognise_layout(folder: str | Path) -> UnpairedFolder | PairedFolder:
    """Find out what a folder holds.

    Args:
        folder: The folder; see the table at the top of this module.

    Raises:
        MissingInputError: There is no such folder.
        InputError: No layout fits, or one fits and a part of it is missing or broken; the message says which and what.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MissingInputError(f"{folder} is not a folder. Give the folder that holds train_A and train_B.")
    if (folder / SPECIFICATION_FILE).is_file():
        return read_specification(folder / SPECIFICATION_FILE).folder()
    if (folder / PROMPT_FILE).is_file() or ((folder / "source").is_dir() and (folder / "target").is_dir()):
        return read_controlnet(folder)
    if (folder / "train_prompts.json").is_file():
        return _paired(folder)
    if find_side(folder, "train", "A") or find_side(folder, "train", "B"):
        return _unpaired(folder)
    held = ", ".join(sorted(path.name for path in folder.iterdir())[:12]) or "nothing"
    raise InputError(f"No layout of training data was recognised in {folder}, which holds: {held}. Known:\n{LAYOUTS}")


def find_side(folder: Path, split: str, side: str) -> Path | None:
    """Return the folder of a split and side, such as `train_A` or `trainA`, or None.

    Raises:
        InputError: Both spellings are there.
    """
    found = [path for name in (f"{split}_{side}", f"{split}{side}") if (path := folder / name).is_dir()]
    if len(found) > 1:
        raise InputError(f"{folder} holds both {found[0].name} and {found[1].name}. Put all pictures into one of them.")
    return found[0] if found else None


def _unpaired(folder: Path) -> UnpairedFolder:
    layout = "unpaired (train_A, train_B)"
    train_a, train_b = (_side_pictures(folder, side, layout) for side in "AB")
    test_a, test_b = (_test_pictures(folder, side) for side in "AB")
    return UnpairedFolder(
        layout=layout,
        train_a=train_a,
        train_b=train_b,
        test_a=test_a,
        test_b=test_b,
        prompt_a=read_prompt(folder / "fixed_prompt_a.txt"),
        prompt_b=read_prompt(folder / "fixed_prompt_b.txt"),
    )


def _side_pictures(folder: Path, side: str, layout: str) -> tuple[Path, ...]:
    found = find_side(folder, "train", side)
    if found is None:
        raise InputError(
            f"{folder} was recognised as {layout}, and train_{side} (or train{side}) is missing. "
            f"Known layouts:\n{LAYOUTS}"
        )
    pictures = pictures_in(found)
    if not pictures:
        raise InputError(f"{found} has no pictures in it. It was recognised as side {side} of the layout {layout}.")
    return pictures


def _test_pictures(folder: Path, side: str) -> tuple[Path, ...]:
    found = find_side(folder, "test", side)
    return pictures_in(found) if found else ()


def _paired(folder: Path) -> PairedFolder:
    layout = "paired (train_A, train_B, train_prompts.json)"
    train = _pairs(folder, "train", layout)
    has_test = (folder / "test_prompts.json").is_file()
    return PairedFolder(layout=layout, train=train, test=_pairs(folder, "test", layout) if has_test else ())


def _pairs(folder: Path, split: str, layout: str) -> tuple[Pair, ...]:
    captions_file = folder / f"{split}_prompts.json"
    captions = read_captions(captions_file)
    sides = []
    for side in "AB":
        found = find_side(folder, split, side)
        if found is None:
            raise InputError(f"{folder} was recognised as {layout}, and {split}_{side} (or {split}{side}) is missing.")
        sides.append(found)
    check_named_files([side / name for name in captions for side in sides], of=captions_file)
    return tuple(Pair(sides[0] / name, sides[1] / name, caption) for name, caption in captions.items())
