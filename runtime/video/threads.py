"""How many threads a decoder or an encoder gets beside a neural engine that wants the same cores."""

from onestep.errors import SettingError
from onestep.usable_cores import usable_cores


def codec_threads(wanted: int | None) -> int:
    """Settle the number of threads of one codec.

    Args:
        wanted: Number of threads, at least 1; `None` takes half of the cores this process may use, at most 4.

    Raises:
        SettingError: The number is below 1.
    """
    if wanted is None:
        return min(4, max(1, usable_cores() // 2))
    if wanted < 1:
        raise SettingError(f"A codec cannot run on {wanted} threads. Give 1 or more, or none for a share of the cores.")
    return wanted
