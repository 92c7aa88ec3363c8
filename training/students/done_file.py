"""How far an array on disk is, beside it: whatever moment a run is cut off at, the next one goes on or starts anew."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onestep.atomic import whole_file


def write_done(path: Path, done: int, *, job: Mapping[str, Any]) -> None:
    """Say how many entries of a job are on disk; the file is replaced whole.

    Args:
        path: The file.
        done: Entries that are there.
        job: What they were made for, as it comes out of JSON: lists, no tuples.
    """
    with whole_file(path) as partial:
        partial.write_text(json.dumps({"job": job, "done": done}) + "\n", encoding="utf-8")


def read_done(path: Path, *, job: Mapping[str, Any]) -> int:
    """Return how many entries of a job are on disk; 0 where the file is missing, damaged, or of another job."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    if not isinstance(noted, dict) or noted.get("job") != job or not isinstance(noted.get("done"), int):
        return 0
    return int(noted["done"])
