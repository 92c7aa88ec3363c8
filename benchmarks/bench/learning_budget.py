"""A budget of wall time that outlives the process: what was spent is on disk, so that a resumed run spends the rest."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

from bench.result_files import write_text

_WRITE_EVERY_SECONDS = 5.0


class Budget:
    """Counts the seconds of a `with` block on top of those spent before, and calls out once when they are over.

    Args:
        path: JSON file that keeps what was spent.
        limit_seconds: How much may be spent in all.
        on_over: Called from a thread of its own when the limit is reached inside the block.
    """

    def __init__(self, path: Path, *, limit_seconds: float, on_over: Callable[[], object]) -> None:
        self._path, self._limit, self._on_over = path, limit_seconds, on_over
        self._before = spent_seconds(path)
        self._start = time.monotonic()
        self._done = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self.called = False

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._write()

    @property
    def spent(self) -> float:
        """Seconds spent so far, over all processes."""
        return self._before + time.monotonic() - self._start

    def _watch(self) -> None:
        while not self._done.wait(min(max(self._limit - self.spent, 0.0), _WRITE_EVERY_SECONDS)):
            if self.spent >= self._limit:
                self.called = True
                self._on_over()
                return
            self._write()

    def _write(self) -> None:
        write_text(self._path, json.dumps({"spent_seconds": round(self.spent, 1)}) + "\n")


def spent_seconds(path: Path) -> float:
    """Return what a budget's file says was spent; 0 where there is none, or one that a kill cut short."""
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["spent_seconds"])
    except (FileNotFoundError, ValueError):
        return 0.0
