"""Threads beside the engine step back; the thread that asks for it, and no other."""

import os
import sys
import threading

import pytest

from onestep.runtime.priority import let_others_go_first


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority of its own on Linux only")
def test_only_the_calling_thread_steps_back() -> None:
    seen: list[int] = []

    def stage() -> None:
        let_others_go_first()
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=stage)
    thread.start()
    thread.join()
    assert seen == [min(before + 10, 19)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
