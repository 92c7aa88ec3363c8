"""Who goes first when there are more threads than cores."""

import os
import sys
import threading

_NICER = 10


def let_others_go_first() -> None:
    """Lower the calling thread's priority, so that it runs in the gaps that the engine's threads leave.

    An engine on a CPU splits the layers of a frame over cores and waits for the slowest: a reader or a writer that
    pushes one of its threads aside for 5 ms holds up all of them. Linux only: elsewhere a priority belongs to the whole
    process.
    """
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + _NICER, 19))
