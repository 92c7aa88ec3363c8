"""Folders that appear whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onestep.errors import OutputError


@contextmanager
def whole_folder(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder beside `path` to write into, and rename it to `path` when all went well.

    Args:
        path: Where the folder shall be.
        overwrite: Whether a folder that is there may be replaced; it stays until the new one is complete.

    Raises:
        OutputError: `path` exists and `overwrite` is false, or is no folder, or its parent cannot be written.
    """
    check_free(path, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    except OSError as err:
        raise OutputError(f"Cannot write {path}: {err.strerror or err}. Choose another place with -o.") from err
    try:
        yield temporary
        _put_in_place(temporary, path)
    except OSError as err:
        if err.filename is None and err.errno is None:
            raise
        raise OutputError(f"Writing {path} failed: {err.strerror or err}. Nothing was left behind.") from err
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_free(path: Path, *, overwrite: bool) -> None:
    """Raise OutputError if a result folder cannot go to `path`."""
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file, and the result is a folder. Choose another place with -o.")
    if path.exists() and any(path.iterdir()) and not overwrite:
        raise OutputError(f"{path} exists already. Remove it, choose another place with -o, or pass --overwrite.")


def check_disk(path: Path, *, needed_bytes: int) -> None:
    """Raise OutputError if the disk of a result folder has less room than the result will take.

    Args:
        path: Where the result shall be; it and the folders above need not exist yet.
        needed_bytes: About how much it takes.
    """
    there = next(folder for folder in path.absolute().parents if folder.exists())
    free = shutil.disk_usage(there).free
    if free < needed_bytes:
        raise OutputError(
            f"{path} needs about {needed_bytes / 1e9:.1f} GB, and the disk has {free / 1e9:.1f} GB free. Make room, or "
            "choose another place with -o."
        )


def _put_in_place(temporary: Path, path: Path) -> None:
    temporary.chmod(0o755)
    if not path.exists():
        temporary.rename(path)
        return
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    path.rename(old)
    try:
        temporary.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
