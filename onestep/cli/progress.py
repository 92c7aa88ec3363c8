"""Progress on stderr: a bar with rate and time left on a terminal, now and then a line anywhere else."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LINE_EVERY_SECONDS = 5.0

Tell = Callable[[int, int | None], None]
"""Called with how many are done and how many there are; None where nobody knows."""


@contextmanager
def shown_progress(unit: str) -> Iterator[Tell]:
    """Show progress while the block runs.

    Args:
        unit: What is counted, in the plural, such as `frames`.
    """
    if sys.stderr.isatty():
        with _bar(unit) as tell:
            yield tell
    else:
        yield _lines(unit)


@contextmanager
def _bar(unit: str) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(compact=True),
    )
    start = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as progress:
        task = progress.add_task("", total=None, text=f"0 {unit}")

        def tell(done: int, total: int | None) -> None:
            text = _text(done, total, unit, time.monotonic() - start)
            progress.update(task, completed=done, total=total, text=text)

        yield tell


def _lines(unit: str) -> Tell:
    start = told = time.monotonic()

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told < _LINE_EVERY_SECONDS:
            return
        told = now
        left = f", {(total - done) * (now - start) / done:.0f} s left" if total and done else ""
        print(_text(done, total, unit, now - start) + left, file=sys.stderr)

    return tell


def _text(done: int, total: int | None, unit: str, seconds: float) -> str:
    of = f"/{total}" if total is not None else ""
    rate = f"  {done / seconds:.1f}/s" if seconds > 0 else ""
    return f"{done}{of} {unit}{rate}"
