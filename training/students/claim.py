"""Whose work a distillation's folder holds: what decides the result is written down, and anything else is refused."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from onestep.errors import OutputError

SETTINGS_NAME = "settings.json"
_SHOWN = 5


def claim_work(work: Path, settings: Mapping[str, Any]) -> None:
    """Note in a work folder what it is for, or find the same noted there.

    Args:
        work: The folder; made where it is missing.
        settings: Plain values, nested as JSON; all that decides the result, and nothing else.

    Raises:
        OutputError: The folder is of other settings, the message says which; or it cannot be read or written.
    """
    path = work / SETTINGS_NAME
    text = json.dumps(settings, indent=2, default=str, sort_keys=True) + "\n"
    try:
        noted = path.read_text(encoding="utf-8") if path.exists() else None
        if noted is None:
            work.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise OutputError(f"The work folder {work} cannot be used: {err}. Choose another with --work.") from err
    if noted is not None:
        _check_same(work, noted, text)


def weights_sha256(network: nn.Module) -> str:
    """Return a hash of all of a network's weights, which says whether a teacher is the one of before."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def listing_sha256(paths: list[Path]) -> str:
    """Return a hash of names, sizes and times of change of files, which says whether a folder is the one of before."""
    rows = [(path.name, (stat := path.stat()).st_size, stat.st_mtime_ns) for path in paths]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _check_same(work: Path, noted: str, wanted: str) -> None:
    try:
        before, now = (dict(_flat(json.loads(text))) for text in (noted, wanted))
    except ValueError as err:
        raise OutputError(f"{work / SETTINGS_NAME} is damaged ({err}). Remove {work} to start anew.") from err
    changed = [
        f"{name} was {before.get(name, 'not there')}, is {now.get(name, 'not there')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if changed:
        more = f", and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise OutputError(
            f"{work} holds the work of a distillation with other settings: {'; '.join(changed[:_SHOWN])}{more}. Remove "
            "it to start anew, choose another --work, or give the settings of before to go on."
        )


def _flat(value: Any, name: str = "settings") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested settings, under names such as `training.steps`."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, key if name == "settings" else f"{name}.{key}")
    else:
        yield name, value
