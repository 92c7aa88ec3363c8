"""Which backends there are, and the choice of one.

A backend that is named is used, or opening fails. `auto` takes the first that works, in the order below, and keeps the
reason why it passed over each one before it. A new backend is one more entry in `BACKENDS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from onestep.bundle import Bundle
from onestep.errors import BackendError, MissingExtraError, OnestepError, UnknownNameError
from onestep.frame_size import FrameSize
from onestep.runtime.backends import onnxruntime_cpu, onnxruntime_cuda, tensorrt
from onestep.runtime.backends.engine import Engine
from onestep.runtime.backends.options import EngineOptions
from onestep.tensorrt_library import TENSORRT, TENSORRT_RTX

AUTO = "auto"


@dataclass(frozen=True)
class Backend:
    """One inference library on one kind of device."""

    name: str
    why_not: Callable[[], str | None]
    """Say, without opening anything, why this machine cannot use it; None where it can."""
    open_engine: Callable[[Bundle, FrameSize, EngineOptions], Engine]
    """Load a bundle's graph for a frame size."""


def _tensorrt(name: str) -> Backend:
    return Backend(name, partial(tensorrt.why_not, name), partial(tensorrt.open_engine, name))


BACKENDS: tuple[Backend, ...] = (
    _tensorrt(TENSORRT),
    _tensorrt(TENSORRT_RTX),
    Backend(onnxruntime_cuda.NAME, onnxruntime_cuda.why_not, onnxruntime_cuda.open_engine),
    Backend(onnxruntime_cpu.NAME, onnxruntime_cpu.why_not, onnxruntime_cpu.open_engine),
)
"""From the fastest to the most widely usable."""


@dataclass(frozen=True)
class Choice:
    """An engine, and how it came to be this one."""

    backend: str
    engine: Engine
    passed_over: dict[str, str]
    """Backends that `auto` tried before, each with the reason why it was not used."""


def open_backend(
    name: str, bundle: Bundle, size: FrameSize, options: EngineOptions, *, backends: Sequence[Backend] = BACKENDS
) -> Choice:
    """Load a bundle's graph with the named backend, or with the first usable one for `auto`.

    Raises:
        UnknownNameError: No backend of that name exists.
        BackendError: The backend, or for `auto` every backend, cannot be used here; the message says why.
        MissingExtraError: The backend's library is not installed.
        SettingError: The options are for another kind of generator.
    """
    if name != AUTO:
        return Choice(name, _named(name, backends).open_engine(bundle, size, options), {})
    errors: dict[str, OnestepError] = {}
    for backend in backends:
        try:
            engine = backend.open_engine(bundle, size, options)
        except (BackendError, MissingExtraError) as err:
            errors[backend.name] = err
        else:
            return Choice(backend.name, engine, {passed: str(err) for passed, err in errors.items()})
    if len(errors) == 1:
        raise next(iter(errors.values()))
    reasons = "\n".join(f"  {passed}: {err}" for passed, err in errors.items())
    raise BackendError(f"No backend can run {bundle.path} on this machine:\n{reasons}")


def _named(name: str, backends: Sequence[Backend]) -> Backend:
    for backend in backends:
        if backend.name == name:
            return backend
    raise UnknownNameError("backend", name, [AUTO, *(backend.name for backend in backends)])
