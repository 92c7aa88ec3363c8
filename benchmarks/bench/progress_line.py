"""What a benchmark is doing, on stderr, with the time it has left."""

import sys
import time

_LINE_EVERY_SECONDS = 5.0


class ProgressLine:
    """One line that is written over on a terminal, and a line now and then anywhere else.

    Args:
        end_seconds: On the clock of `time.monotonic`, when the run should be over.
    """

    def __init__(self, end_seconds: float) -> None:
        self._end = end_seconds
        self._start = time.monotonic()
        self._told = float("-inf")

    def __call__(self, doing: str, done: int, total: int) -> None:
        """Show what is being done, and how much of it was done."""
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if not terminal and now - self._told < _LINE_EVERY_SECONDS:
            return
        self._told = now
        text = f"{now - self._start:4.0f} s, about {max(self._end - now, 0):.0f} s left: {doing} ({done}/{total})"
        print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the terminal's line empty."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
