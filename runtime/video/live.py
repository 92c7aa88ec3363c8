"""Newest frame wins: for sources that do not wait, late pictures are dropped so that none is shown late.

A small holder between two threads and, on top of it, an iterator that reads any source of frames in its own thread.
"""

import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")


class LatestFrame(Generic[Item]):
    """Holder of one item, safe between threads. Putting never waits: it replaces an item that nobody has taken."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._error: BaseException | None = None
        self._is_finished = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Number of items that were replaced before somebody took them."""
        with self._changed:
            return self._dropped

    @property
    def is_finished(self) -> bool:
        """True once no more items will come."""
        with self._changed:
            return self._is_finished

    def put(self, item: Item) -> None:
        """Put the newest item; it is ignored after `finish`."""
        with self._changed:
            if self._is_finished:
                return
            self._dropped += self._item is not None
            self._item = item
            self._changed.notify()

    def finish(self, error: BaseException | None = None) -> None:
        """Say that no more items will come. What is still there can be taken; then `error`, if any, is raised."""
        with self._changed:
            self._is_finished = True
            self._error = self._error or error
            self._changed.notify_all()

    def take(self, timeout_seconds: float | None = None) -> Item | None:
        """Wait for an item and take it.

        Returns:
            The newest item, or `None` at the end, or when the time is over (`is_finished` tells which).

        Raises:
            BaseException: The error that `finish` was given.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._is_finished, timeout_seconds)
            item, self._item = self._item, None
            if item is None and self._error is not None:
                raise self._error
            return item


class NewestFrames(Generic[Item]):
    """Iterator over the newest items of a source, which is read as fast as it gives them in a thread of its own.

    A context manager: leaving it stops the thread, after the item that the source is busy with.
    """

    def __init__(self, frames: Iterable[Item]) -> None:
        """Start reading.

        Args:
            frames: A `VideoReader` opened with `live=True`, or anything else that yields items.
        """
        self._latest: LatestFrame[Item] = LatestFrame()
        self._thread = threading.Thread(target=self._read, args=(frames,), name="newest-frames", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Number of frames that were read and passed over."""
        return self._latest.dropped

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = self._latest.take()
        if item is None:
            raise StopIteration
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and wait for the thread, which is busy until its source gives one more item or times out."""
        self._latest.finish()
        self._thread.join()

    def _read(self, frames: Iterable[Item]) -> None:
        try:
            for frame in frames:
                if self._latest.is_finished:
                    return
                self._latest.put(frame)
        except BaseException as error:
            self._latest.finish(error)
        else:
            self._latest.finish()
