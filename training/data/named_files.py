"""Files that another file names must be there."""

from collections.abc import Sequence
from pathlib import Path

from onestep.errors import InputError


def check_named_files(paths: Sequence[Path], *, of: Path) -> None:
    """Raise InputError if a file that `of` names does not exist; the message names the first of them."""
    missing = [path for path in paths if not path.is_file()]
    if not missing:
        return
    shown = ", ".join(map(str, missing[:3])) + (", ..." if len(missing) > 3 else "")
    what = "a file that is not there" if len(missing) == 1 else f"{len(missing)} files that are not there"
    raise InputError(f"{of} names {what}: {shown}. Add the pictures, or take the entries out.")
