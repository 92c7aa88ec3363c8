"""Closing what a backend has opened, without hiding why."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from onestep.errors import BackendError
from onestep.runtime.backends.engine import Engine

_log = logging.getLogger(__name__)


def close_after(error: BaseException | None, close: Callable[[], None]) -> None:
    """Close something.

    Args:
        error: What failed before, or None. After an error of a GPU freeing fails, too, with less to say: that is
            logged, and the error stays the one that is told.
        close: Closes it.

    Raises:
        BackendError: Closing failed, and nothing before it.
    """
    try:
        close()
    except BackendError as err:
        if error is None:
            raise
        _log.warning("closing failed, too: %s", err)


@contextmanager
def closed_after(engine: Engine) -> Iterator[Engine]:
    """Give an engine, and close it afterwards, see `close_after`."""
    try:
        yield engine
    except BaseException as err:
        close_after(err, engine.close)
        raise
    close_after(None, engine.close)
