"""Whether a run may go on: with the same settings, pictures and base, but for what cannot change its result."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onestep.errors import InputError, SettingError
from onestep.training.trainer.run_folder import RunFolder
from onestep.training.trainer.settings import MAY_CHANGE, Settings
from onestep.training.trainer.settings_file import entries, kind_of, values_of

BASE = "base"
"""Name under which the base's hash stands among a run's inputs."""
_WITHOUT_INPUTS = "It says which pictures the run began with. Put it back from a copy, or begin a new run with -o."


def check_same_settings(saved: Settings, asked: Settings) -> None:
    """Raise SettingError, which lists the differences, unless a run may go on with other settings.

    How long it runs, how often something is written, and the limit of memory may change. The length may not where the
    learning rate depends on it.
    """
    before, now = values_of(saved), values_of(asked)
    known = entries(kind_of(saved))
    changed = [name for name in before if before[name] != now[name]]
    forbidden = [name for name in changed if not known[name].field.metadata[MAY_CHANGE]]
    if "max_steps" in changed and saved.optimiser.rate_schedule != "constant":
        forbidden.append("max_steps")
    if forbidden:
        lines = "; ".join(f"{name} was {before[name]!r} and is {now[name]!r}" for name in forbidden)
        raise SettingError(
            f"The run was begun with other settings: {lines}. Leave them as they were, or begin a new run with -o."
        )


def described_inputs(
    *, pictures: Mapping[str, Sequence[Path]], texts: Mapping[str, Sequence[str]], base_sha256: str
) -> dict[str, str]:
    """Return a hash for each side's pictures (names, order and sizes), for the texts, and for the base's weights.

    Args:
        pictures: Paths by name of the side.
        texts: Prompts or captions by what they are.
        base_sha256: Of the base.
    """
    files = {name: [f"{path.name}\t{path.stat().st_size}" for path in paths] for name, paths in pictures.items()}
    return {name: _listing(rows) for name, rows in {**files, **texts}.items()} | {BASE: base_sha256}


def check_same_inputs(folder: RunFolder, now: dict[str, str]) -> None:
    """Raise SettingError unless the run began with the same pictures and base.

    Raises:
        InputError: What it began with cannot be read.
    """
    before = _noted_inputs(folder.inputs)
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        raise SettingError(
            f"{folder.root} cannot go on as it began: {', '.join(changed)} changed since (names, number or sizes of "
            "pictures, texts, or the base's weights). Put them back, or begin a new run with -o."
        )


def _noted_inputs(path: Path) -> dict[str, Any]:
    try:
        noted = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as err:
        raise InputError(f"{path} cannot be read ({err}). {_WITHOUT_INPUTS}") from err
    if not isinstance(noted, dict):
        raise InputError(f"{path} holds {noted!r:.40}, and a JSON object was expected. {_WITHOUT_INPUTS}")
    return noted


def _listing(rows: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row}\n".encode())
    return f"{len(rows)}, {digest.hexdigest()[:16]}"
