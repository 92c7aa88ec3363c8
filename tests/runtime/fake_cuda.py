"""A stand-in for `cuda.bindings.runtime`: keeps the order of all calls, hands out real memory, fails on order."""

import ctypes
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from types import SimpleNamespace
from typing import Any, ClassVar


class Status(IntEnum):
    """The part of `cudaError_t` that is used."""

    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35
    cudaErrorNoDevice = 100
    cudaErrorLaunchFailure = 719


class Capture(IntFlag):
    """Modes of a capture."""

    cudaStreamCaptureModeGlobal = 0
    cudaStreamCaptureModeThreadLocal = 1


MIB = 1 << 20
_NEVER_COUNTED = (
    "cudaFree",
    "cudaStreamDestroy",
    "cudaEventDestroy",
    "cudaGraphDestroy",
    "cudaGraphExecDestroy",
    "cudaGet",
)


@dataclass
class FakeCudaRuntime:
    """Streams, events and addresses are numbers; copies are made when they are asked for."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    failing: dict[str, Status] = field(default_factory=dict)
    """Calls that fail from now on."""
    fails_at: int | None = None
    """Number of the one call that fails; those that free or ask for words do not count and do not fail."""
    counted: int = 0
    live: dict[str, set[int]] = field(default_factory=dict)
    """What was made and not yet freed, by the name of the call that frees it."""
    driver: int = 13000
    device_count: int = 1
    free_mib: int = 8192
    memory: dict[int, Any] = field(default_factory=dict)
    capturing: bool = False
    recorded: dict[int, int] = field(default_factory=dict)
    """When each event was recorded: how many calls had been made by then; one call takes a millisecond."""
    cudaError_t: ClassVar[Any] = Status
    cudaHostAllocDefault: ClassVar[int] = 0
    cudaStreamNonBlocking: ClassVar[int] = 1
    cudaEventDisableTiming: ClassVar[int] = 2
    cudaEventBlockingSync: ClassVar[int] = 1
    cudaStreamCaptureMode: ClassVar[Any] = Capture
    cudaMemcpyKind: ClassVar[Any] = SimpleNamespace(cudaMemcpyHostToDevice="in", cudaMemcpyDeviceToHost="out")
    cudaDeviceAttr: ClassVar[Any] = SimpleNamespace(
        cudaDevAttrComputeCapabilityMajor="major", cudaDevAttrComputeCapabilityMinor="minor"
    )
    _next: int = 1000

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cuda"):
            raise AttributeError(name)

        def call(*arguments: Any) -> tuple[Any, ...]:
            self.calls.append((name, *arguments))
            self.counted += not name.startswith(_NEVER_COUNTED)
            if self.counted == self.fails_at and not name.startswith(_NEVER_COUNTED):
                return Status.cudaErrorLaunchFailure, None
            if name in self.failing:
                return self.failing[name], None
            return self._answer(name, arguments)

        return call

    def names(self) -> list[str]:
        """Return the names of all calls so far, in order."""
        return [name for name, *_ in self.calls]

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        ok = Status.cudaSuccess
        simple: dict[str, tuple[Any, ...]] = {
            "cudaGetErrorString": (ok, b"words of CUDA"),
            "cudaDriverGetVersion": (ok, self.driver),
            "cudaRuntimeGetVersion": (ok, 13050),
            "cudaGetDeviceCount": (ok if self.device_count else Status.cudaErrorNoDevice, self.device_count),
            "cudaMemGetInfo": (ok, self.free_mib * MIB, 16384 * MIB),
            "cudaDeviceGetAttribute": (ok, {"major": 8, "minor": 9}.get(arguments[0] if arguments else "", 0)),
            "cudaGetDeviceProperties": (ok, SimpleNamespace(name=b"Test GPU")),
        }
        if name in simple:
            return simple[name]
        makers = {
            "cudaStreamCreateWithFlags": "cudaStreamDestroy",
            "cudaEventCreateWithFlags": "cudaEventDestroy",
            "cudaEventCreate": "cudaEventDestroy",
            "cudaMalloc": "cudaFree",
            "cudaHostAlloc": "cudaFreeHost",
            "cudaStreamEndCapture": "cudaGraphDestroy",
            "cudaGraphInstantiate": "cudaGraphExecDestroy",
        }
        if name in makers:
            self.capturing = False if name == "cudaStreamEndCapture" else self.capturing
            return ok, self._made(makers[name], arguments)
        if name in makers.values():
            self.live[name].remove(arguments[0])
        elif name == "cudaEventRecord":
            self.recorded[arguments[0]] = len(self.calls)
        elif name == "cudaEventElapsedTime":
            return ok, float(self.recorded[arguments[1]] - self.recorded[arguments[0]])
        elif name == "cudaMemcpyAsync":
            ctypes.memmove(arguments[0], arguments[1], arguments[2])
        elif name == "cudaStreamBeginCapture":
            self.capturing = True
        return (ok,)

    def _made(self, free: str, arguments: tuple[Any, ...]) -> int:
        self._next += 1
        made = self._next
        if free in ("cudaFree", "cudaFreeHost"):
            buffer = (ctypes.c_uint8 * int(arguments[0]))()
            made = ctypes.addressof(buffer)
            self.memory[made] = buffer
        self.live.setdefault(free, set()).add(made)
        return made

    def left(self) -> dict[str, int]:
        """Return how many of each kind are not freed."""
        return {free: len(made) for free, made in self.live.items() if made}
