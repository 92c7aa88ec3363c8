"""Putting a whole new bundle in the place of an old one, or leaving the old one as it was."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from onestep.bundle.engine_record import ENGINES_FOLDER
from onestep.bundle.folder import MANIFEST_NAME
from onestep.errors import OutputError


@contextmanager
def beside(bundle: Path) -> Iterator[Path]:
    """Give an empty folder on the bundle's own disk, and remove it with all that is in it afterwards.

    Raises:
        OutputError: The bundle is mounted where it is, or the folder that holds it cannot be written.
    """
    if bundle.is_mount():
        raise OutputError(f"{bundle} is mounted there and cannot be replaced. Copy the bundle to another place.")
    try:
        folder = TemporaryDirectory(
            prefix=f".{bundle.name}.", suffix=".refit", dir=bundle.parent, ignore_cleanup_errors=True
        )
    except OSError as err:
        raise OutputError(
            f"Nothing can be written in {bundle.parent} ({err.strerror}), where the new bundle is put together. Copy "
            "the bundle to a place that can be written."
        ) from err
    with folder as path:
        yield Path(path)


def carry_over(old: Path, new: Path, *, shipped: set[str]) -> None:
    """Copy what a user put into a bundle's folder: all but what the export and the builds made.

    Args:
        old: The bundle.
        new: The one that takes its place.
        shipped: Names of files that the old manifest lists.

    Raises:
        OutputError: Something cannot be read or copied.
    """
    with _told_of(old):
        for item in old.iterdir():
            made = item.name in (MANIFEST_NAME, ENGINES_FOLDER) or item.name in shipped
            if made or (new / item.name).exists():
                continue
            if item.is_dir() and not item.is_symlink():
                shutil.copytree(item, new / item.name, symlinks=True)
            else:
                shutil.copy2(item, new / item.name, follow_symlinks=False)


def swap(old: Path, new: Path, *, kept: Path) -> None:
    """Put a folder in the place of another. Whatever happens, one of the two is there afterwards, whole.

    Args:
        old: The folder to replace.
        new: What takes its place; on the same disk.
        kept: Where the old one goes; on the same disk.

    Raises:
        OutputError: The disk refuses.
    """
    with _told_of(old):
        new.chmod(old.stat().st_mode & 0o777)
        try:
            old.rename(kept)
            new.rename(old)
        except BaseException:
            if kept.exists() and not old.exists():
                kept.rename(old)
            raise


@contextmanager
def _told_of(bundle: Path) -> Iterator[None]:
    """Say in words that the disk refused."""
    try:
        yield
    except OSError as err:
        raise OutputError(
            f"The new bundle cannot take the place of {bundle} ({err.strerror or err}). What is there is whole."
        ) from err
