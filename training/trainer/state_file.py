"""A run's state on disk: whole or not at all, the last two kept, and never a pickle that runs code."""

import os
import re
from pathlib import Path
from typing import Any

import torch

from onestep.atomic import whole_file
from onestep.errors import CheckpointError, OutputError

FORMAT, VERSION = "onestep-training-state", 1
KEPT = 2
_NAME = re.compile(r"step-(\d{8})\.pt")


def state_path(folder: Path, step: int) -> Path:
    """Return the path of the state after a number of steps."""
    return folder / f"step-{step:08d}.pt"


def saved_steps(folder: Path) -> list[int]:
    """Return the steps after which a state was saved, ascending."""
    names = (_NAME.fullmatch(path.name) for path in folder.glob("*.pt"))
    return sorted(int(match[1]) for match in names if match)


def write_state(state: dict[str, Any], folder: Path, *, step: int) -> Path:
    """Write a state, then remove all but the last two.

    It is written under another name, forced to the disk and renamed, so that a run that is killed at any moment, or a
    machine that loses power, leaves the states before as they were.

    Args:
        state: Tensors and plain values in tables and lists.
        folder: Where the states lie.
        step: Steps that are done.

    Raises:
        OutputError: The disk is full or cannot be written; the states before are as they were.
    """
    path = state_path(folder, step)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial, partial.open("wb") as file:
            torch.save({"format": FORMAT, "version": VERSION, "step": step, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        _force_names(folder)
    except (OSError, RuntimeError) as err:  # torch's writer turns some errors of the disk into RuntimeError
        last = saved_steps(folder)
        kept = f"The state after step {last[-1]} is whole" if last else "No state was saved before"
        raise OutputError(
            f"Saving step {step} to {path} failed: {err}. {kept}. Make room, then --resume the run."
        ) from err
    for old in saved_steps(folder)[:-KEPT]:
        state_path(folder, old).unlink()
    return path


def read_state(folder: Path) -> dict[str, Any] | None:
    """Read the newest state; None where there is none.

    Raises:
        CheckpointError: It is damaged or of another version.
    """
    steps = saved_steps(folder)
    if not steps:
        return None
    path = state_path(folder, steps[-1])
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as err:  # the library raises half a dozen kinds, for a file that is cut short or changed
        raise CheckpointError(
            f"{path} is damaged ({err}). Remove it, and the run resumes from the state before it, if there is one."
        ) from err
    if not isinstance(state, dict) or (state.get("format"), state.get("version")) != (FORMAT, VERSION):
        raise CheckpointError(f"{path} is no training state of this version of onestep ({FORMAT} {VERSION}).")
    return state


def _force_names(folder: Path) -> None:
    """Force the folder's list of names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
