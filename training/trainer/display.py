"""What a run says on stderr: a bar with losses, rate and time left on a terminal, lines anywhere else."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_TOLD_EVERY_SECONDS = 5.0


class Display(Protocol):
    """Somewhere to tell how the run goes."""

    def say(self, text: str) -> None:
        """Say a line."""

    def show(self, table: Any) -> None:
        """Show a table of rich."""

    def step(self, done: int, losses: Mapping[str, float]) -> None:
        """Tell how far it is, and the losses of the last step."""

    def close(self) -> None:
        """End."""


class Silent:
    """Of the processes that do not speak."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def show(self, table: Any) -> None:
        """Show nothing."""

    def step(self, done: int, losses: Mapping[str, float]) -> None:
        """Tell nothing."""

    def close(self) -> None:
        """End."""


class Spoken:
    """On stderr.

    Args:
        total: Steps of the whole run.
        done: Steps that are done.
        pictures_per_step: Over all processes and sides.
        every: Steps between lines where there is no terminal.
    """

    def __init__(self, *, total: int, done: int, pictures_per_step: int, every: int) -> None:
        self._console = _stderr()
        self._total, self._first, self._pictures, self._every = total, done, pictures_per_step, every
        self._start: float | None = None
        self._bar: Progress | None = None
        if self._console.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}"), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, refresh_per_second=4)
            self._task = self._bar.add_task("", total=total, completed=done, text="")

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        self._console.print(text, markup=False)

    def show(self, table: Any) -> None:
        """Print a table."""
        self._console.print(table)

    def step(self, done: int, losses: Mapping[str, float]) -> None:
        """Move the bar, or print a line now and then. The clock starts with the first step, after what comes before."""
        now = time.monotonic()
        if self._start is None:
            self._start, self._first = now, done
            if self._bar is not None:
                self._bar.start()
        seconds, steps = now - self._start, done - self._first
        rate = steps * self._pictures / seconds if steps and seconds else 0.0
        text = "  ".join([f"{rate:.1f} images/s", *(f"{name} {value:.3g}" for name, value in losses.items())])
        if self._bar is not None:
            self._bar.update(self._task, completed=done, text=text)
        elif done % self._every == 0 or done == self._total:
            left = (self._total - done) * seconds / steps if steps else 0.0
            self.say(f"{done}/{self._total} steps  {text}  {left:.0f} s left")

    def close(self) -> None:
        """Stop the bar."""
        if self._bar is not None:
            self._bar.stop()


def told_where_slow(what: str) -> Callable[[int, int], None]:
    """Return what takes how many are done of how many, and prints it every five seconds: nothing where it is quick.

    Args:
        what: What is done, such as `pictures looked at`.
    """
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _TOLD_EVERY_SECONDS:
            told = time.monotonic()
            _stderr().print(f"{done}/{total} {what}", markup=False)

    return tell


def _stderr() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False)
