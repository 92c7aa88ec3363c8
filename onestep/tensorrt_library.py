"""The two TensorRT libraries under one roof: which there are, how each is imported, what to do without it.

`tensorrt` and `tensorrt-rtx` have the same class names, so that the rest of the program takes the module as a value and
has one code path for both. They differ in where their wheels are and in what they need:

- `tensorrt` builds for the GPU it runs on and needs one to build. NVIDIA serves its wheels from its own package index;
  what stands under that name on PyPI is a small source package that fetches them from there.
- `tensorrt-rtx` installs from PyPI, builds without a GPU, and compiles its kernels on the GPU that runs the engine.
"""

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from onestep.errors import MissingExtraError, UnknownNameError, require

TENSORRT, TENSORRT_RTX = "tensorrt", "tensorrt-rtx"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TensorRtLibrary:
    """One of the two libraries."""

    name: str
    """Name of the backend, of the extra, and of the package on its index."""
    module: str
    """Name of the Python module."""
    hint: str
    """What to know beyond the pip command; empty where there is nothing."""

    @property
    def is_rtx(self) -> bool:
        """Whether engines are compiled for the GPU where they run, not where they are built."""
        return self.name == TENSORRT_RTX

    def why_missing(self) -> str | None:
        """Return one sentence on how to install it where it is not installed, without importing it."""
        if find_spec(self.module):
            return None
        return f"{self.module} is not installed (pip install 'onestep[{self.name}]'{self.hint})"

    def load(self, *, purpose: str) -> ModuleType:
        """Import the library.

        Args:
            purpose: What it is needed for, to stand after "needed to".

        Raises:
            MissingExtraError: It is not installed, or cannot be imported.
        """
        try:
            return require(self.module, extra=self.name, purpose=purpose)
        except MissingExtraError as err:
            raise MissingExtraError(f"{err}{self.hint}") from err.__cause__


LIBRARIES = {
    library.name: library
    for library in (
        TensorRtLibrary(
            TENSORRT,
            "tensorrt",
            "; NVIDIA serves its wheels from its own package index, not from PyPI, so pip needs access to that index",
        ),
        TensorRtLibrary(TENSORRT_RTX, "tensorrt_rtx", ""),
    )
}


def tensorrt_library(name: str) -> TensorRtLibrary:
    """Return a library by its name.

    Raises:
        UnknownNameError: There is no such library.
    """
    if name not in LIBRARIES:
        raise UnknownNameError("engine library", name, LIBRARIES)
    return LIBRARIES[name]


def collecting_logger(trt: Any) -> Any:
    """Return a logger of the library that keeps its errors in `errors` and passes all messages to `logging`.

    The library prints its errors on stderr otherwise, and its calls return only None or False.

    Args:
        trt: The module `tensorrt` or `tensorrt_rtx`.
    """

    class CollectingLogger(trt.ILogger):  # type: ignore[misc]  # the library's classes are Any
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            is_error = severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)
            if is_error:
                self.errors.append(message)
            _log.debug("%s", message)

    return CollectingLogger()
