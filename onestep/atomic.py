"""Files and folders that appear whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onestep.errors import OutputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a hidden name beside `path` to write to, and put the file at `path` when all went well.

    What was there before is replaced, and stays where anything goes wrong; nothing else is left then. Errors of the
    disk come as they are: the caller knows what to do about them.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def whole_folder(path: Path, *, overwrite: bool, marker: str = "") -> Iterator[Path]:
    """Give a temporary folder to write into, and put it at `path` when all went well.

    A link is followed. A folder that is there and empty, such as a mounted one, takes the result in; else it is
    replaced.

    Args:
        path: Where the folder shall be.
        overwrite: Whether a result that is there may be replaced; it stays until the new one is complete.
        marker: Name of a file that every result of this kind holds. What holds none is never replaced.

    Raises:
        OutputError: See `check_free`; also where `path` cannot be written.
    """
    check_free(path, overwrite=overwrite, marker=marker)
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target if target.is_dir() and _is_empty(target) else target.parent
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=beside))
    except OSError as err:
        raise OutputError(f"Cannot write {path}: {err.strerror or err}. Choose another place with -o.") from err
    try:
        yield temporary
        if beside == target:
            _move_out(temporary)
        else:
            _put_in_place(temporary, target)
    except OSError as err:
        if err.filename is None and err.errno is None:
            raise
        raise OutputError(f"Writing {path} failed: {err.strerror or err}. Nothing was left behind.") from err
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_free(path: Path, *, overwrite: bool, marker: str = "") -> None:
    """Make sure that a result folder can go to `path`, before anything slow is started.

    Args:
        path: Where it shall be.
        overwrite: Whether a result that is there may be replaced.
        marker: Name of a file that every result of this kind holds.

    Raises:
        OutputError: `path` is no folder, or holds files that `overwrite` or the lack of a marker keeps.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise OutputError(f"{path} is a file, and the result is a folder. Choose another place with -o.")
    if _is_empty(path):
        return
    if not overwrite:
        raise OutputError(f"{path} exists already. Remove it, choose another place with -o, or pass --overwrite.")
    if not (path / marker).is_file():
        raise OutputError(
            f"{path} holds files and no {marker}, so it is no earlier result, and --overwrite leaves it alone. Remove "
            "it, or choose another place with -o."
        )
    if path.resolve().is_mount():
        raise OutputError(f"{path} is mounted there and cannot be replaced. Empty it, or choose another -o.")


def _is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


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


def _move_out(temporary: Path) -> None:
    """Put what a folder holds into the one around it, or nothing of it."""
    moved: list[Path] = []
    try:
        for path in sorted(temporary.iterdir()):
            moved.append(path.rename(temporary.parent / path.name))
    except BaseException:
        for path in moved:
            path.rename(temporary / path.name)
        raise


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
