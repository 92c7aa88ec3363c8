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
        raise OutputError(f"{path} cannot be written ({err.strerror}). Choose another place.") from err
