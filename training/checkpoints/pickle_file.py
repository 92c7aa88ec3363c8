"""Published checkpoints are pickles, and a pickle is a program. Only plain data is ever read from one."""

import pickle
import pickletools
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from onestep.errors import CheckpointError

_ASKED_FOR = re.compile(r"GLOBAL (\S+)")
_STRINGS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")
_HARMLESS = ("torch", "collections")


def read_pickle(path: Path) -> dict[str, Any]:
    """Read a file that `torch.save` wrote, with torch's unpickler for tensors and plain containers and no other.

    Returns:
        The table that the file holds, tensors on the CPU.

    Raises:
        CheckpointError: The file is damaged, is no pickle of tensors, or wants to run code; nothing of it was run.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as err:  # whatever garbage makes torch's unpickler stumble over, IndexError and struct.error too
        raise _refusal(path, err) from err
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise CheckpointError(f"{path} holds a {type(content).__name__} and no table by name: it is no checkpoint.")
    return content


def _refusal(path: Path, err: Exception) -> CheckpointError:
    asked_for = _ASKED_FOR.findall(str(err)) or _foreign_globals(path)
    if asked_for:
        return CheckpointError(
            f"{path} asks for {', '.join(asked_for)}, which a checkpoint of tensors never needs and which could run "
            "any code. It was refused and nothing of it was run. Get the file from its publisher again."
        )
    reason = str(err).strip().splitlines()[0][:120] if str(err).strip() and not _is_unpickling(err) else "no pickle"
    return CheckpointError(
        f"{path} ({path.stat().st_size:,} bytes) is damaged or no checkpoint ({reason}). Get the file again."
    )


def _is_unpickling(err: Exception) -> bool:
    """Tell whether the error is torch's long advice to load without `weights_only`, which nobody shall follow."""
    return isinstance(err, pickle.UnpicklingError)


def _foreign_globals(path: Path) -> list[str]:
    """Return the names that a pickle would import, read off its opcodes without running them."""
    strings: list[str] = []
    names: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escape sequences in garbage
            for opcode, argument, _ in pickletools.genops(_pickled_bytes(path)):
                if opcode.name in _STRINGS:
                    strings.append(str(argument))
                elif opcode.name == "GLOBAL":
                    names.append(str(argument).replace(" ", "."))
                elif opcode.name == "STACK_GLOBAL":
                    names.append(".".join(strings[-2:]))
    except Exception:  # of any sort: the rest is no pickle; what was found before counts
        pass
    return [name for name in names if name.split(".")[0] not in _HARMLESS]


def _pickled_bytes(path: Path) -> bytes:
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        records = [name for name in archive.namelist() if name.endswith("data.pkl")]
        return archive.read(records[0]) if records else b""
