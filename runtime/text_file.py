"""A text file that appears whole or not at all."""

from pathlib import Path

from onestep.errors import OutputError
from onestep.runtime.video.target import check_target


def write_whole(path: Path, text: str, *, overwrite: bool) -> None:
    """Write a file under a temporary name beside its own, then rename it.

    Raises:
        OutputError: It exists and may not be overwritten, the folder is missing or refuses, or the disk is full.
    """
    target = check_target(path, suffixes=(path.suffix.lower(),), overwrite=overwrite)
    try:
        with target.writing() as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as err:
        raise OutputError(f"{path} cannot be written ({err.strerror or err}). Nothing was left behind.") from err
    target.publish()
