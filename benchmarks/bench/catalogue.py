"""Which rows there are, and the choice of some by name or family."""

from collections.abc import Sequence

from bench.diffusion_rows import diffusion_rows
from bench.gan_row import gan_row
from bench.onestep_rows import onestep_rows
from bench.row import RowSpec
from bench.student_row import student_row
from onestep.errors import UnknownNameError


def all_rows(strength: float) -> list[RowSpec]:
    """Return every row in the order of the table.

    Args:
        strength: Of SDEdit.
    """
    return [*onestep_rows(), student_row(), gan_row(), *diffusion_rows(strength)]


def chosen_rows(rows: Sequence[RowSpec], names: Sequence[str]) -> list[RowSpec]:
    """Return the rows that are named, or whose family is; all of them for no names.

    Raises:
        UnknownNameError: Neither a row nor a family has that name; the message lists both.
    """
    families = list(dict.fromkeys(row.family for row in rows))
    known = list(dict.fromkeys([*(row.name for row in rows), *families]))
    for name in names:
        if name not in known:
            raise UnknownNameError("row", name, known)
    return [row for row in rows if not names or row.name in names or row.family in names]
