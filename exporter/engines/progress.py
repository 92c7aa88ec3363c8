"""The builder's progress as one count that only grows."""

import threading
from collections.abc import Callable
from typing import Any

Tell = Callable[[int, int | None], None]
"""Called with the steps done and the steps known so far."""


class StepCount:
    """Adds up the steps of all phases. The builder starts phases inside phases and names their steps as it goes.

    Args:
        tell: Called after each step.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self.done = self.known = 0
        self._open: dict[str, tuple[int, int]] = {}

    def start(self, phase: str, steps: int) -> None:
        """Add a phase of so many steps."""
        with self._lock:
            self._open[phase] = (steps, 0)
            self.known += steps

    def step(self, phase: str) -> None:
        """Count one step of a phase."""
        with self._lock:
            steps, done = self._open.get(phase, (0, 0))
            if done < steps:
                self._open[phase] = (steps, done + 1)
                self.done += 1
            self._tell(self.done, self.known)

    def finish(self, phase: str) -> None:
        """Count what is left of a phase as done."""
        with self._lock:
            steps, done = self._open.pop(phase, (0, 0))
            self.done += steps - done
            self._tell(self.done, self.known)


def progress_monitor(trt: Any, tell: Tell) -> Any:
    """Return a progress monitor of the library.

    The builder calls it from its own threads. An exception there, Ctrl-C's too, ends the build: the monitor answers
    that it shall stop.

    Args:
        trt: The module `tensorrt` or `tensorrt_rtx`.
        tell: Called after each step.
    """
    count = StepCount(tell)

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]  # the library's classes are Any
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.interrupted: BaseException | None = None

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            count.start(phase_name, num_steps)

        def phase_finish(self, phase_name: str) -> None:
            self._guarded(count.finish, phase_name)

        def step_complete(self, phase_name: str, step: int) -> bool:
            self._guarded(count.step, phase_name)
            return self.interrupted is None

        def _guarded(self, act: Callable[[str], None], phase_name: str) -> None:
            try:
                act(phase_name)
            except BaseException as err:
                self.interrupted = err

    return Monitor()
