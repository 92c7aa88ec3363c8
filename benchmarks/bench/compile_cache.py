"""Where torch.compile keeps its kernels: in the run's work folder, so that `--work` keeps them with the graphs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


def compile_cache(work: Path) -> Path:
    """Return the folder of the kernels below a work folder."""
    return work / "compiled"


def is_compiled(work: Path) -> bool:
    """Whether a compilation ended in a work folder: torch makes the cache's folder earlier, its graphs' at the end."""
    return (compile_cache(work) / "fxgraph").is_dir()


@contextmanager
def kernels_in(work: Path) -> Iterator[None]:
    """Let torch.compile take its kernels from a work folder, and leave them there, inside a block."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(compile_cache(work).absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before
