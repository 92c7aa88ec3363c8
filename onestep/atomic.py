"""Files and folders that appear whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onestep.errors import OutputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a hidden name beside `path` to write to, and put the file at `path` when all went well.

    What was there before is replaced, and stays where anything goes wrong; nothing else is left then. Two processes
    that write one file have names of their own. Errors of the disk come as they are: the caller knows what to do.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def whole_folder(path: Path, *, overwrite: bool, marker: str = "", kind: str = "") -> Iterator[Path]:
    """Give a temporary folder to write into, and put it at `path` when all went well.

    A link is followed. A folder that is there and empty, such as a mounted one, takes the result in; else it is
    replaced.

    Args:
        path: Where the folder shall be.
        overwrite: Whether a result that is there may be replaced; it stays until the new one is complete.
        marker: Name of a file that every result of this kind holds. What holds none is never replaced.
        kind: See `check_free`.

    Raises:
        OutputError: See `check_free`; also where `path` cannot be written, and where something came to `path` while the
            folder was written, which is then kept beside it.
    """
    check_free(path, overwrite=overwrite, marker=marker, kind=kind)
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = _written_in(target)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=beside))
    except OSError as err:
        raise OutputError(f"Cannot write {path}: {err.strerror or err}. Choose another place with -o.") from err
    try:
        yield temporary
        try:
            _check_still_free(path, temporary, overwrite=overwrite, marker=marker, kind=kind)
        except OutputError as err:
            raise OutputError(f"{err} The new result is whole in {_kept(temporary)}.") from None
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


def check_free(path: Path, *, overwrite: bool, marker: str = "", kind: str = "") -> None:
    """Make sure that a result folder can go to `path`, before anything slow is started.

    Args:
        path: Where it shall be.
        overwrite: Whether a result that is there may be replaced.
        marker: Name of a file that every result of this kind holds.
        kind: Where several kinds of results have such a file: what its JSON has as "format".

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
    if kind and (found := _format_of(path / marker)) != kind:
        raise OutputError(
            f"{path} is of another kind, {found}, and not {kind}, so --overwrite leaves it alone. Remove it, or choose "
            "another place with -o."
        )
    if path.resolve().is_mount():
        raise OutputError(f"{path} is mounted there and cannot be replaced. Empty it, or choose another -o.")


def check_disk(path: Path, *, needed_bytes: int, advice: str = "choose another place with -o") -> None:
    """Raise OutputError if the disk of a result has less room than the result will take.

    Args:
        path: Where the result shall be; it and the folders above need not exist yet.
        needed_bytes: About how much it takes.
        advice: What to do instead of making room.
    """
    beside = _written_in(path.resolve())
    there = next(folder for folder in (beside, *beside.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < needed_bytes:
        raise OutputError(
            f"{path} needs about {needed_bytes / 1e9:.1f} GB, and the disk has {free / 1e9:.1f} GB free. Make room, or "
            f"{advice}."
        )


def check_writable(folder: Path, *, advice: str) -> None:
    """Raise OutputError unless files can be written into a folder that is there. Nothing is left behind.

    Args:
        folder: The folder.
        advice: What to do where they cannot.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as err:
        raise OutputError(f"Nothing can be written in {folder} ({err.strerror or err}). {advice}") from err


def _written_in(target: Path) -> Path:
    """Return the folder that holds a result while it is written: an empty one that is there takes it in."""
    return target if target.is_dir() and _is_empty(target) else target.parent


def _is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def _format_of(card: Path) -> str:
    """Return what a JSON file says it is, or a text that says that it does not."""
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    return str(content.get("format", "unknown")) if isinstance(content, dict) else "unknown"


def _check_still_free(path: Path, temporary: Path, *, overwrite: bool, marker: str, kind: str) -> None:
    """Look again: the work may have taken hours, and what came meanwhile is somebody's."""
    if temporary.parent != path.resolve():
        check_free(path, overwrite=overwrite, marker=marker, kind=kind)
    elif any(each != temporary for each in temporary.parent.iterdir()):
        raise OutputError(f"{path} was empty, and holds files now.")


def _kept(temporary: Path) -> Path:
    """Give a temporary folder a name that one sees, and return it."""
    temporary.chmod(0o755)
    return temporary.rename(temporary.with_name(temporary.name.removeprefix(".")))


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
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", suffix=".old", dir=path.parent, ignore_cleanup_errors=True
    ) as old:
        before = path.rename(Path(old) / path.name)
        try:
            temporary.rename(path)
        except BaseException:
            before.rename(path)
            raise
