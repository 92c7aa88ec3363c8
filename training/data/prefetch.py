"""Reads batches ahead in threads, no further than it was told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

import torch

from onestep.errors import SettingError

B = TypeVar("B")


class Prefetcher(Generic[B]):
    """An iterator over `read(step)` for each step, in order, that keeps some of them in work.

    Each thread computes alone, as in the workers of PyTorch's own loader: with helpers of its own, which wait at full
    speed for more work, it takes the processor from the step that it should not hold up. Measured on two cores, a
    student's steps: 0.72 s with helpers, 0.50 without (median of 3 and 3 reports of 8 steps).

    An exception of `read` is raised where its batch would have been given. Leave the `with` block, or call `close`, to
    end the threads; what was not begun is dropped.

        with Prefetcher(lambda step: batches.at(step, rank, world), range(first, last)) as reader:
            for step, batch in zip(range(first, last), reader):
                ...

    Args:
        read: Gives the batch of a step; called from several threads at once.
        steps: The steps, in order; may be endless.
        threads: Threads that read.
        ahead: Batches that are in work or wait at most.
    """

    def __init__(self, read: Callable[[int], B], steps: Iterable[int], *, threads: int = 2, ahead: int = 4) -> None:
        if threads < 1 or ahead < 1:
            raise SettingError(f"threads and ahead must be 1 or more, got {threads} and {ahead}.")
        self._read, self._steps = read, iter(steps)
        self._pool = ThreadPoolExecutor(
            threads, thread_name_prefix="pictures", initializer=torch.set_num_threads, initargs=(1,)
        )
        self._ahead = ahead
        self._waiting: deque[Future[B]] = deque()
        self._closed, self._helpers = False, torch.get_num_threads()

    def __iter__(self) -> Iterator[B]:
        return self

    def __next__(self) -> B:
        """Return the next batch.

        Raises:
            StopIteration: There are no more steps, or the reader is closed.
        """
        if self._closed:
            raise StopIteration
        self._fill()
        if not self._waiting:
            raise StopIteration
        batch = self._waiting.popleft().result()
        self._fill()
        return batch

    def close(self) -> None:
        """End the threads, after what they are reading. May be called twice."""
        self._closed = True
        self._waiting.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
        # PyTorch keeps the number that its threads asked for as what new threads get.
        torch.set_num_threads(self._helpers)

    def __enter__(self) -> Prefetcher[B]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fill(self) -> None:
        while len(self._waiting) < self._ahead:
            try:
                step = next(self._steps)
            except StopIteration:
                return
            self._waiting.append(self._pool.submit(self._read, step))
