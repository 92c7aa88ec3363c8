"""How a long evaluation says how far it is, without knowing who listens."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Tell = Callable[[int, int | None], None]
"""Called with how many are done and how many there are."""

Stages = Callable[[str, str], AbstractContextManager[Tell]]
"""Called when a stage begins, with what is done and what is counted, such as `("measure", "pictures")`."""


def silent_stages(stage: str, unit: str) -> AbstractContextManager[Tell]:
    """Say nothing."""
    return nullcontext(lambda done, total: None)
