"""Whether a run may go on: with the same settings, pictures and base, but for what cannot change its result."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onestep.errors import SettingError
from onestep.training.trainer.run_folder import RunFolder
from onestep.training.trainer.settings import MAY_CHANGE, Settings
from onestep.training.trainer.settings_file import entries, kind_of, values_of


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


def described_inputs(*, pictures: Mapping[str, Sequence[Path]], base: Path) -> dict[str, str]:
    """Return a hash for each side's pictures (names, order and sizes) and for the base's files.

    Args:
        pictures: Paths by name of the side.
        base: The base's folder.
    """
    files = sorted(path for path in base.rglob("*") if path.is_file())
    described = {
        name: _listing([(path.name, path.stat().st_size) for path in paths]) for name, paths in pictures.items()
    }
    return described | {"base": _listing([(str(path.relative_to(base)), path.stat().st_size) for path in files])}


def check_same_inputs(folder: RunFolder, now: dict[str, str]) -> None:
    """Raise SettingError unless the run began with the same pictures and base."""
    before: dict[str, Any] = json.loads(folder.inputs.read_text("utf-8"))
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        raise SettingError(
            f"{folder.root} cannot go on as it began: {', '.join(changed)} changed since (names, number or sizes of "
            "files). Put them back, or begin a new run with -o."
        )


def _listing(rows: list[tuple[str, int]]) -> str:
    digest = hashlib.sha256()
    for name, size in rows:
        digest.update(f"{name}\t{size}\n".encode())
    return f"{len(rows)} files, {digest.hexdigest()[:16]}"
