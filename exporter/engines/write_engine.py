"""A plan and its record, put into the bundle together or not at all."""

import dataclasses
import hashlib
from pathlib import Path

from onestep.atomic import whole_file
from onestep.bundle import Bundle
from onestep.bundle.engine_record import ANY_GPU, ENGINES_FOLDER, EngineRecord, text_from_record
from onestep.errors import OutputError


def write_engine(bundle: Bundle, plan: bytes, record: EngineRecord) -> tuple[Path, EngineRecord]:
    """Write a plan and its record into the bundle's `engines` folder.

    The plan is put in place first and carries its hash in its name, so that the record, put in place last and in one
    step, always names a whole plan. An older plan of the same name is removed after that.

    Args:
        bundle: Where to.
        plan: The serialised engine.
        record: What it is; the plan's name, size and hash are filled in.

    Returns:
        The plan's path and the completed record.

    Raises:
        OutputError: The folder cannot be written.
    """
    folder, stem = bundle.path / ENGINES_FOLDER, _stem(record)
    digest = hashlib.sha256(plan).hexdigest()
    name = f"{stem}.{digest[:12]}.plan"
    complete = dataclasses.replace(record, plan=name, plan_bytes=len(plan), plan_sha256=digest)
    try:
        folder.mkdir(exist_ok=True)
        _put(folder / name, plan)
        _put(folder / f"{stem}.json", text_from_record(complete).encode())
        for old in folder.glob(f"{stem}.{'?' * 12}.plan"):
            if old.name != name:
                old.unlink()
    except OSError as err:
        raise OutputError(
            f"The engine cannot be written to {folder}: {err.strerror or err}. {len(plan) >> 20} MiB are needed there."
        ) from err
    return folder / name, complete


def _stem(record: EngineRecord) -> str:
    """Return the name that engines which replace each other share: those for the same machines and sizes."""
    sizes = "+".join(record.profiles)
    if record.compute_capability == ANY_GPU:
        return f"{record.backend}.{sizes}"
    level = record.hardware_compatibility
    machines = level if level == "ampere_plus" else f"sm{record.compute_capability.replace('.', '')}"
    return f"{record.backend}.{machines}.{sizes}"


def _put(path: Path, content: bytes) -> None:
    with whole_file(path) as partial:
        partial.write_bytes(content)
