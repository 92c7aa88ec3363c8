"""CUDA calls whose errors are errors of this project and carry the call's name."""

import importlib
from importlib.util import find_spec
from typing import Any

from onestep.errors import BackendError, require

EXTRA = "gpu"
_MODULE = "cuda.bindings.runtime"
_ALLOCATIONS = ("cudaMalloc", "cudaHostAlloc")
"""Their first argument is a number of bytes."""


class Cuda:
    """Calls into the CUDA runtime, each checked.

    Args:
        module: `cuda.bindings.runtime`, or something like it.
    """

    def __init__(self, module: Any) -> None:
        self.api = module

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function of the CUDA runtime.

        Args:
            name: Such as `cudaMalloc`.
            arguments: As in the C interface, without the results.

        Returns:
            Its result, a tuple of several, or None.

        Raises:
            BackendError: It failed; the message names the call, the error, and what helps.
        """
        status, *results = getattr(self.api, name)(*arguments)
        if status != self.api.cudaError_t.cudaSuccess:
            raise BackendError(self._failure(name, status, arguments))
        return results[0] if len(results) == 1 else tuple(results) or None

    def memory_mib(self) -> tuple[int, int]:
        """Return how much of the GPU's memory is free, and how much it has, in MiB."""
        free, total = self.call("cudaMemGetInfo")
        return free >> 20, total >> 20

    def _failure(self, name: str, status: Any, arguments: tuple[Any, ...]) -> str:
        text = self.api.cudaGetErrorString(status)[1]
        words = text.decode() if isinstance(text, bytes) else str(text)
        code = self.api.cudaError_t(status).name
        wanted = f" for {arguments[0]:,} bytes" if name in _ALLOCATIONS else ""
        return f"CUDA's {name}{wanted} failed with {code}: {words}.{self._advice(status)}"

    def _advice(self, status: Any) -> str:
        if status != self.api.cudaError_t.cudaErrorMemoryAllocation:
            return ""
        error, free, total = self.api.cudaMemGetInfo()
        amount = f" {free >> 20} of {total >> 20} MiB are free." if error == self.api.cudaError_t.cudaSuccess else ""
        return f"{amount} End other programs on this GPU, or use a smaller --size."


def why_no_cuda() -> str | None:
    """Return one sentence on why this machine cannot use CUDA from Python, or None where it can."""
    if find_spec("cuda") is None or find_spec("cuda.bindings") is None:
        return f"cuda-bindings is not installed (pip install 'onestep[{EXTRA}]')"
    return why_no_gpu(Cuda(importlib.import_module(_MODULE)))


def why_no_gpu(cuda: Cuda) -> str | None:
    """Return one sentence on why there is no GPU that this CUDA can use, or None where there is one."""
    api = cuda.api
    driver, wanted = (cuda.call(name) for name in ("cudaDriverGetVersion", "cudaRuntimeGetVersion"))
    if not driver:
        return "no NVIDIA driver was found"
    status, count = api.cudaGetDeviceCount()
    if status == api.cudaError_t.cudaErrorInsufficientDriver or driver // 1000 < wanted // 1000:
        return (
            f"the NVIDIA driver is too old: it supports CUDA {version_text(driver)}, and cuda-bindings needs "
            f"{version_text(wanted)}; update the driver"
        )
    if status != api.cudaError_t.cudaSuccess or not count:
        return f"the NVIDIA driver shows no GPU ({api.cudaError_t(status).name})"
    return None


def open_cuda(*, for_backend: str) -> Cuda:
    """Return CUDA on a machine that has a GPU and a driver for it.

    Args:
        for_backend: Name of the backend that needs it, for the message.

    Raises:
        BackendError: No driver, one that is too old, or no GPU.
        MissingExtraError: `cuda-bindings` is not installed.
    """
    cuda = Cuda(require(_MODULE, extra=EXTRA, purpose=f"run {for_backend}"))
    if reason := why_no_gpu(cuda):
        raise BackendError(f"{for_backend} cannot run here: {reason}")
    return cuda


def version_text(number: int) -> str:
    """Write CUDA's version number 13050 as 13.5."""
    return f"{number // 1000}.{number % 1000 // 10}"
