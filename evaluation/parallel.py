"""Pictures side by side: one processor thread for each, instead of all threads for one picture.

Many small operations gain little from threads of their own, and lose much where the machine is busy.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from onestep.evaluation.progress import Tell
from onestep.usable_cores import usable_cores

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_pictures(
    work: Callable[[_Item], _Result], items: Sequence[_Item], *, threads: int | None, tell: Tell
) -> Iterator[_Result]:
    """Work on all items and give the results in their order.

    Only as many items are in work as there are threads. An error ends everything and is raised.

    Args:
        work: Called with one item; must not change anything shared.
        items: What to work on.
        threads: Number of threads; None takes all cores of this process.
        tell: Called after each result.
    """
    with one_torch_thread(), ThreadPoolExecutor(threads or usable_cores()) as pool:
        try:
            for index, result in enumerate(pool.map(work, items)):
                tell(index + 1, len(items))
                yield result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch compute every operation in the thread that asks for it, and as before afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
