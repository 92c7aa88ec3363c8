"""Which engines of a bundle a refit replaces: all of them, because the graph that they share is replaced."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from onestep.bundle import Bundle
from onestep.bundle.engine_record import (
    ENGINES_FOLDER,
    EngineHost,
    EngineRecord,
    build_command,
    read_record,
    why_not,
)
from onestep.errors import EngineError


@dataclass(frozen=True)
class BuiltEngine:
    """An engine of a bundle, whose plan is whole."""

    record: EngineRecord
    plan: Path


def refittable_engines(bundle: Bundle) -> list[BuiltEngine]:
    """Return all engines of a bundle. Whether this machine can run them is not asked here.

    Raises:
        EngineError: There is none; or one is damaged, of another graph, or was built without `--refittable`.
    """
    records = sorted((bundle.path / ENGINES_FOLDER).glob("*.json"))
    if not records:
        raise EngineError(
            f"{bundle.path} has no engine whose weights could be replaced. Export the new generator as a bundle of its "
            "own with `onestep export --generator`."
        )
    return [_checked(bundle, path) for path in records]


def _checked(bundle: Bundle, path: Path) -> BuiltEngine:
    """Check all of an engine but its machine."""
    record = read_record(path, rebuild=shlex.join(["onestep", "build", str(bundle.path)]))
    rebuild = f"{build_command(bundle.path, record.backend, record.sizes)} --refittable"
    builder = EngineHost(record.backend, record.library_version, record.compute_capability)
    reason = why_not(record, bundle, record.sizes[0], builder)
    if reason is None and not record.flags.get("refittable"):
        reason = "it was built without --refittable"
    if reason is not None:
        raise EngineError(
            f"The weights of {path} cannot be replaced: {reason}. All engines of a bundle are refitted together. Build "
            f"it again on its machine ({rebuild}), or remove it and its plan."
        )
    return BuiltEngine(record, path.parent / record.plan)
