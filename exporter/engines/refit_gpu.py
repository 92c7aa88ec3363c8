"""The machine's own GPU for a refit: replaces an engine's weights and runs it.

Not run on a GPU where it was written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onestep.bundle import Bundle
from onestep.bundle.engine_record import EngineHost, EngineRecord, build_command, why_not
from onestep.errors import EngineError
from onestep.exporter.engines.engine_parity import RunFrame
from onestep.exporter.engines.refit import RefitPlan, refit_plan
from onestep.exporter.engines.refit_choice import BuiltEngine
from onestep.exporter.samples import Frame
from onestep.frame_size import FrameSize
from onestep.runtime.backends.closing import closed_after
from onestep.runtime.backends.engine import Engine
from onestep.runtime.backends.frame_tensors import frame_tensors
from onestep.runtime.backends.options import EngineOptions
from onestep.runtime.backends.tensorrt import engine_on_gpu
from onestep.runtime.backends.tensorrt_plan import PlanSource
from onestep.runtime.cuda.calls import Cuda, open_cuda
from onestep.runtime.cuda.device import compute_capability
from onestep.tensorrt_library import tensorrt_library


class InstalledGpu:
    """The first GPU of this machine, as `refit_bundle.EngineGpu`.

    Args:
        cuda: Of the GPU.
    """

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda

    def check(self, engine: BuiltEngine, bundle: Bundle) -> None:
        """Raise EngineError if the engine does not run here."""
        record = engine.record
        host = EngineHost(record.backend, self.library_version(record.backend), compute_capability(self._cuda))
        if reason := why_not(record, bundle, record.sizes[0], host):
            raise EngineError(
                f"The weights of {engine.plan} cannot be replaced on this machine: {reason}. All engines of a bundle "
                "are refitted together: run the command where the engine runs, or remove its plan and record."
            )

    def library_version(self, backend: str) -> str:
        """Return the version of the library that writes a backend's plans here."""
        return str(tensorrt_library(backend).load(purpose="replace an engine's weights").__version__)

    def refitted(self, engine: BuiltEngine, given: Path, wanted: RefitPlan) -> bytes:
        """Return the engine's plan with the weights of the ONNX file `given`."""
        record = engine.record
        library, plan = tensorrt_library(record.backend), engine.plan.read_bytes()
        return refit_plan(library, plan, given, wanted, trusted_host_code=record.version_compatible)

    @contextmanager
    def running(self, record: EngineRecord, plan: bytes, bundle: Bundle, size: FrameSize) -> Iterator[RunFrame]:
        """Load a plan of a bundle's graph for one of its sizes, and free it afterwards."""
        library = tensorrt_library(record.backend)
        source = PlanSource(
            library=library,
            trt=library.load(purpose="run an engine"),
            plan=plan,
            profile=record.sizes.index(size),
            tensors=frame_tensors(bundle, size, EngineOptions()),
            size=size,
            rebuild=build_command(bundle.path, record.backend, record.sizes),
            trusted_host_code=record.version_compatible,
        )
        with closed_after(engine_on_gpu(self._cuda, source, str(bundle.path))) as engine:
            yield frame_runner(engine)


def installed_gpu() -> InstalledGpu:
    """Open this machine's GPU.

    Raises:
        BackendError: No driver, one that is too old, or no GPU.
        MissingExtraError: `cuda-bindings` is not installed.
    """
    return InstalledGpu(open_cuda(for_backend="refit"))


def frame_runner(engine: Engine) -> RunFrame:
    """Return what sends one frame through an engine and waits for it."""
    slot = engine.new_slot()

    def run(frame: Frame) -> Frame:
        slot.input[:] = frame
        engine.submit(slot)
        engine.wait(slot)
        return slot.output.copy()

    return run
