"""What a folder of rendered pictures was made with, kept beside them: pictures of two plans are never mixed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from onestep.errors import SettingError
from onestep.runtime.pictures import read_picture

_PLAN_FILE: Final = "plan.json"


def holds_plan(folder: Path, described: Mapping[str, Any]) -> bool:
    """Tell whether a folder holds the pictures of a plan; False where it says nothing of any plan.

    Args:
        folder: It need not exist.
        described: The plan, as it comes out of JSON: lists, no tuples.

    Raises:
        SettingError: It holds pictures of another plan, or its plan cannot be read.
    """
    path = folder / _PLAN_FILE
    if not path.is_file():
        return False
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        names = {**described, **before}
    except (OSError, ValueError, TypeError) as err:
        raise SettingError(f"{path} cannot be read ({err}). Remove {folder}, or choose another -o.") from err
    changed = [
        f"{name} was {before.get(name)!r} and is {described.get(name)!r}"
        for name in names
        if before.get(name) != described.get(name)
    ]
    if changed:
        raise SettingError(
            f"{folder} holds other pictures: {'; '.join(changed)}. Leave them as they were, or choose another -o."
        )
    return True


def check_first_picture(folder: Path, picture: Path, today: NDArray[np.uint8]) -> None:
    """Refuse a folder whose first picture is rendered otherwise today.

    Args:
        folder: What to remove.
        picture: The one that lies there.
        today: The same as it is rendered now.

    Raises:
        SettingError: They differ.
    """
    if not np.array_equal(read_picture(picture), today):
        raise SettingError(
            f"{folder} was rendered by another version of the scenes: {picture.name} looks different today. Remove "
            "it, or choose another -o."
        )


def write_plan(folder: Path, described: Mapping[str, Any]) -> None:
    """Write a plan beside its pictures."""
    (folder / _PLAN_FILE).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
