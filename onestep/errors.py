"""Every error that a user can mend, as one tree.

    OnestepError
    ├── SettingError (ValueError)          an option's value, or two options that do not go together
    │   └── UnknownNameError (LookupError) a domain, backend, precision or base that does not exist
    ├── InputError (ValueError)            a given picture, video or folder cannot be used
    │   └── MissingInputError (FileNotFoundError)
    ├── OutputError (OSError)              a result cannot be written where it was asked for
    ├── GeneratorError (ValueError)        a generator or base folder is not what it should be
    ├── CheckpointError (ValueError)       a checkpoint is damaged, unsafe, or does not go with what is asked of it
    ├── TrainingError (RuntimeError)       training cannot go on
    ├── ExportError (RuntimeError)         the graph could not be made
    │   ├── ParityError                    the graph was made and does not compute what the generator computes
    │   ├── NotFasterError                 the graph computes what it should, no faster than in float32
    │   └── EngineBuildError               the engine could not be built, or does not compute in the graph's types
    ├── BundleError (ValueError)           a bundle is damaged, incomplete, unsafe or too new
    ├── BackendError (RuntimeError)        a backend is not usable here, or failed
    │   └── EngineError                    the bundle has no engine for this machine and size; names the command
    └── MissingExtraError (ImportError)    a library is not installed; names the pip command

The command line prints the message and exits with status 1. A message says what failed, what was got, what was
expected, and what to do.
"""

import importlib
from collections.abc import Iterable
from difflib import get_close_matches
from types import ModuleType


class OnestepError(Exception):
    """Base of all errors that a user can mend."""


class SettingError(OnestepError, ValueError):
    """An option has a bad value, or two options contradict each other."""


class UnknownNameError(SettingError, LookupError):
    """A name that is not in the list it should come from."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = list(known)
        near = get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(names)}.")


class InputError(OnestepError, ValueError):
    """A picture, a video or a folder that was given cannot be used."""


class MissingInputError(InputError, FileNotFoundError):
    """The path that was given does not exist."""


class OutputError(OnestepError, OSError):
    """A result cannot be written where it was asked for."""


class GeneratorError(OnestepError, ValueError):
    """A generator or base folder is incomplete or inconsistent."""


class CheckpointError(OnestepError, ValueError):
    """A checkpoint is damaged, unsafe, of another base, or has no such direction or prompt."""


class TrainingError(OnestepError, RuntimeError):
    """Training cannot go on."""


class ExportError(OnestepError, RuntimeError):
    """The graph could not be made."""


class ParityError(ExportError):
    """The graph does not compute what the generator computes."""


class NotFasterError(ExportError):
    """The graph computes what it should, and not faster than the one that it should replace."""


class EngineBuildError(ExportError):
    """The engine could not be built, or does not compute in the types that the graph names."""


class BundleError(OnestepError, ValueError):
    """A bundle is damaged, incomplete, unsafe or too new."""


class BackendError(OnestepError, RuntimeError):
    """A backend cannot be used on this machine, or failed while running."""


class EngineError(BackendError):
    """The bundle has no engine that this machine can run at this size."""


class MissingExtraError(OnestepError, ImportError):
    """A library of an optional extra is not installed."""


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a library of an optional extra, or say which pip command installs it.

    Args:
        module: Import name, such as `onnxruntime`.
        extra: Extra of this distribution that holds it, such as `cpu`; `cpu or gpu` style texts are not parsed.
        purpose: What the library is needed for, to stand after "needed to".

    Raises:
        MissingExtraError: The module, or something it imports, is missing.
    """
    try:
        return importlib.import_module(module)
    except ImportError as err:
        raise MissingExtraError(
            f"{module} is needed to {purpose} and could not be imported ({err}). "
            f"Install it: pip install 'onestep[{extra}]'"
        ) from err
