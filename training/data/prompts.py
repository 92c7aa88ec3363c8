"""Reads the texts beside the pictures: one prompt per domain, or one caption per picture."""

import json
from pathlib import Path
from typing import Any

from onestep.errors import InputError


def read_prompt(path: Path) -> str | None:
    """Read the prompt of a domain, one line of text; None where the file does not exist.

    Raises:
        InputError: The file holds no text, more than one line, or cannot be read.
    """
    if not path.exists():
        return None
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not lines:
        raise InputError(
            f"{path} has no text in it. Write one line that describes the domain, such as 'driving in the night', or "
            "remove the file and name the prompt on the command line."
        )
    if len(lines) > 1:
        raise InputError(f"{path} has {len(lines)} lines of text, and one prompt is needed: write it on one line.")
    return lines[0]


def read_captions(path: Path) -> dict[str, str]:
    """Read a JSON object of file names and captions, such as `train_prompts.json`.

    Raises:
        InputError: It is broken JSON, no such object, or has no entry.
    """
    captions = parsed_json(read_text(path), of=path)
    if not isinstance(captions, dict) or not all(isinstance(text, str) for text in captions.values()):
        raise InputError(
            f'{path} must hold one JSON object of file names and captions: {{"0001.png": "a red car", ...}}.'
        )
    if not captions:
        raise InputError(f'{path} names no pictures. Write one entry per picture: {{"0001.png": "a red car", ...}}.')
    return captions


def read_json_lines(path: Path) -> list[Any]:
    """Read a file of one JSON value per line; empty lines are passed over.

    Raises:
        InputError: A line is no JSON; the message names it. Or there is none.
    """
    rows = [
        parsed_json(line, of=f"Line {number} of {path}")
        for number, line in enumerate(read_text(path).splitlines(), start=1)
        if line.strip()
    ]
    if not rows:
        raise InputError(f"{path} has no lines. Write one JSON object per pair into it.")
    return rows


def parsed_json(text: str, *, of: object) -> Any:
    """Parse JSON, or raise InputError that names the place."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as err:
        raise InputError(
            f"{of} is broken JSON: {err.msg} at line {err.lineno}, column {err.colno}. Mend it with a text editor."
        ) from err


def read_text(path: Path) -> str:
    """Read a text file as UTF-8, or raise InputError."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise InputError(f"{path} cannot be read as UTF-8 text ({err}). Save it as UTF-8.") from err
