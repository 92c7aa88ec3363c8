"""Why a graph was of no use here, kept in the work folder: what is not faster is not quantised again in each run."""

import json
from pathlib import Path

from bench.environment import processor_name
from bench.result_files import write_text
from bench.workload import Workload
from onestep.errors import NotFasterError
from onestep.usable_cores import usable_cores
from onestep.version import __version__


def refusal_path(workload: Workload, precision: str) -> Path:
    """Return the file that says why a precision was not exported; removing it makes the next run try again."""
    return workload.work / f"{precision}-refused.json"


def known_refusal(workload: Workload, precision: str) -> str | None:
    """Return why an earlier run on this machine could not export the same generator, and how to try again.

    Returns:
        None where no run was refused that, or its file cannot be read or is of another generator, size, processor or
        version.
    """
    path = refusal_path(workload, precision)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("of") != _described(workload):
        return None
    return f"{kept.get('reason')} (Said by an earlier run; remove {path} to try again.)"


def keep_refusal(workload: Workload, precision: str, error: NotFasterError) -> None:
    """Write why a precision was not exported.

    Raises:
        OutputError: The file cannot be written.
    """
    kept = {"of": _described(workload), "reason": str(error)}
    write_text(refusal_path(workload, precision), json.dumps(kept, indent=2) + "\n")


def _described(workload: Workload) -> dict[str, str]:
    settings, card = workload.settings, workload.packed.card
    return {
        "base": card.base,
        "generator": card.domain,
        "prompt": card.prompt,
        "size": str(settings.frame_size),
        "processor": f"{processor_name()}, {usable_cores()} cores",
        "onestep": __version__,
    }
