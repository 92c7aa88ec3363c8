"""Ctrl-C and SIGTERM end a run after the step that is being computed, so that it can be saved whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Whether somebody asked the run to stop."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def noticed_interrupts() -> Iterator[Interrupt]:
    """Turn the first signal into a note; a second one interrupts at once. Outside the main thread nothing changes."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, frame: FrameType | None) -> None:
        interrupt.asked = True
        for each in _SIGNALS:
            signal.signal(each, before[each])

    for each in _SIGNALS:
        signal.signal(each, note)
    try:
        yield interrupt
    finally:
        for each in _SIGNALS:
            signal.signal(each, before[each])
