"""Writing of results."""

from pathlib import Path

from onestep.errors import OutputError


def write_text(path: Path, text: str) -> None:
    """Write a result, and the folders above it.

    Raises:
        OutputError: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise _refusal(path, err) from err


def check_place(path: Path) -> None:
    """Check before any work that a result can be written, and make the folders above it; what is there stays.

    Raises:
        OutputError: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        was_there = path.exists()
        with path.open("ab"):
            pass
        if not was_there:
            path.unlink()
    except OSError as err:
        raise _refusal(path, err) from err


def check_folder(path: Path) -> None:
    """Check before any work that files can be written into a folder, and make it.

    Raises:
        OutputError: It is a file, or cannot be made or written.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file, and a folder is needed there. Choose another place.")
    check_place(path / ".place")


def _refusal(path: Path, err: OSError) -> OutputError:
    return OutputError(f"{path} cannot be written ({err.strerror}). Choose another place.")
