"""ControlNet's layout, as of its fill50k set: `source/`, `target/`, and `prompt.json` with one JSON object per line."""

from pathlib import Path, PurePosixPath
from typing import Any, Final

from onestep.errors import InputError
from onestep.training.data.folders import Pair, PairedFolder
from onestep.training.data.named_files import check_named_files
from onestep.training.data.prompts import read_json_lines

PROMPT_FILE: Final = "prompt.json"
LAYOUT: Final = "paired (ControlNet: source, target, prompt.json)"


def read_controlnet(folder: Path) -> PairedFolder:
    """Read the pairs of a folder; it has no test pictures.

    Raises:
        InputError: A part of the layout is missing, or `prompt.json` is broken or names files that are not there.
    """
    missing = [name for name in ("source", "target", PROMPT_FILE) if not (folder / name).exists()]
    if missing:
        raise InputError(f"{folder} was recognised as {LAYOUT}, and {' and '.join(missing)} is missing.")
    prompt_file = folder / PROMPT_FILE
    pairs = tuple(_pair(row, number, prompt_file) for number, row in enumerate(read_json_lines(prompt_file), start=1))
    check_named_files([path for pair in pairs for path in (pair.source, pair.target)], of=prompt_file)
    return PairedFolder(layout=LAYOUT, train=pairs)


def _pair(row: Any, number: int, prompt_file: Path) -> Pair:
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("source", "target", "prompt")):
        raise InputError(
            f"Entry {number} of {prompt_file} must be an object with the texts source, target and prompt, such as "
            '{"source": "source/0.png", "target": "target/0.png", "prompt": "pale golden rod circle"}.'
        )
    source, target = (_inside(prompt_file, row[key]) for key in ("source", "target"))
    return Pair(source, target, row["prompt"])


def _inside(prompt_file: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{prompt_file} names {name}, which lies outside its folder. Write paths below the folder.")
    return prompt_file.parent / path
