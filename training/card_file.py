"""What a folder says about itself as JSON; `onestep.json` is read into the card of its kind."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from onestep.errors import GeneratorError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CardT = TypeVar("CardT", bound="DataclassInstance")
_PAIRS = {"input_range", "preferred_size"}
"""Fields that are tuples, which JSON has as lists."""


def read_object(path: Path, *, advice: str) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Args:
        path: The file.
        advice: What to do where it cannot be read.

    Raises:
        GeneratorError: It cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise GeneratorError(f"{path} cannot be read ({err}). {advice}") from err
    if not isinstance(content, dict):
        raise GeneratorError(f"{path} holds {content!r:.40}, and a JSON object was expected. {advice}")
    return content


def read_card(path: Path, kind: type[CardT], *, of_format: str, version: int, advice: str) -> CardT:
    """Read a card.

    Args:
        path: The file.
        kind: The card's class; fields with a default may be missing.
        of_format: What the file says it is.
        version: The only one that is known.
        advice: What to do where it is damaged.

    Raises:
        GeneratorError: It cannot be read, is of another format or version, lacks a field, or has a number for a pair.
    """
    content = read_object(path, advice=advice)
    if content.get("format") != of_format or content.get("version") != version:
        raise GeneratorError(
            f"{path} has format {content.get('format')!r} version {content.get('version')!r}; "
            f"expected {of_format!r} version {version}. Make the folder with this version of onestep."
        )
    fields = dataclasses.fields(kind)
    missing = [field.name for field in fields if field.name not in content and field.default is dataclasses.MISSING]
    if missing:
        raise GeneratorError(f"{path} lacks {', '.join(missing)}. {advice}")
    values = {field.name: content[field.name] for field in fields if field.name in content}
    for name in values.keys() & _PAIRS:
        if not isinstance(values[name], list):
            raise GeneratorError(f"{path} has {name} {values[name]!r}; expected a list of two numbers. {advice}")
        values[name] = tuple(values[name])
    return kind(**values)
