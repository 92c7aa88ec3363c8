"""Where a result goes: the checks before any work is done, and the temporary name that it has until it is whole.

`out.mp4` is written as `out.partial.mp4` in the same folder and renamed when it is finished, so the name that was asked
for never holds half a file and an old result is lost only to a new one.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onestep.atomic import check_writable
from onestep.errors import OutputError


@dataclass(frozen=True)
class Target:
    """A file that is being written."""

    path: Path
    partial: Path
    overwrite: bool

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """Give the temporary name to write to; when anything goes wrong meanwhile, nothing is left of it."""
        try:
            yield self.partial
        except BaseException:
            self.discard()
            raise

    def publish(self) -> None:
        """Give the finished file its final name.

        Raises:
            OutputError: Somebody else has made a file of that name meanwhile, or the folder refuses.
        """
        if self.path.exists() and not self.overwrite:
            raise OutputError(
                f"{self.path} appeared while it was being written. The result is whole in {self.partial}."
            )
        try:
            self.partial.replace(self.path)
        except OSError as err:
            raise OutputError(f"{self.partial} cannot be renamed to {self.path} ({err.strerror}).") from err

    def discard(self) -> None:
        """Remove what was written so far."""
        self.partial.unlink(missing_ok=True)


def check_target(
    path: Path, *, suffixes: Collection[str], source: Path | None = None, overwrite: bool = False
) -> Target:
    """Make sure that a file can be written, without leaving anything behind.

    Args:
        path: File to write.
        suffixes: Suffixes that can be written, lower case with their dot.
        source: Input file, which is never overwritten, by whatever name it is reached.
        overwrite: Replace an existing file.

    Raises:
        OutputError: A suffix that cannot be written, a folder, no parent folder, no permission, a file that exists and
            may not be overwritten, or the input itself.
    """
    if path.is_dir():
        raise OutputError(f"The output {path} is a folder. Name a file, such as {path / 'out'}{next(iter(suffixes))}.")
    if path.suffix.lower() not in suffixes:
        was = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise OutputError(f"The output {path} has {was}, which says no format. These work: {', '.join(suffixes)}.")
    if not path.parent.is_dir():
        raise OutputError(f"The folder {path.parent} for the output {path.name} does not exist. Make it first.")
    _check_free(path, source, overwrite=overwrite)
    check_writable(path.parent, advice="Choose another folder.")
    return Target(path, _free_name(path), overwrite)


def _check_free(path: Path, source: Path | None, *, overwrite: bool) -> None:
    if not path.exists():
        return
    if source is not None and source.exists() and path.samefile(source):
        raise OutputError(f"The output {path} is the input {source}. Choose another name; the input is never replaced.")
    if not overwrite:
        raise OutputError(f"The output {path} exists. Choose another name, or replace it with --overwrite.")


def _free_name(path: Path) -> Path:
    """Find a temporary name that takes nothing from another run, or from the remains of one that was killed."""
    partial = path.with_name(f"{path.stem}.partial{path.suffix}")
    number = 2
    while partial.exists():
        partial = path.with_name(f"{path.stem}.partial-{number}{path.suffix}")
        number += 1
    return partial
