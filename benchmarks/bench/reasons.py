"""Why something was not measured, in a few words for a cell of the table."""

from onestep.errors import OnestepError


def reason_from(err: Exception) -> str:
    """Return an error's message: of ours whole, of any other library its kind and first line."""
    if isinstance(err, OnestepError):
        return str(err)
    return f"{type(err).__name__}: {(str(err).strip().splitlines() or [''])[0]}"
