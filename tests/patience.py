"""How long tests wait for what comes by itself, and how they know that a thread waits."""

from threading import Condition, Event

PATIENCE_SECONDS = 240.0
"""For a machine that is busy with other things: nothing here takes as long by itself. Below pytest's own limit."""


def is_waited_for(condition: Condition) -> Event:
    """Return an event that is set when a thread begins to wait for a condition.

    The thread holds the condition's lock at that moment: who takes the lock after the event finds the thread waiting.
    """
    waits, wait = Event(), condition.wait

    def noted(timeout: float | None = None) -> bool:
        waits.set()
        return wait(timeout)

    condition.wait = noted  # type: ignore[method-assign]
    return waits
