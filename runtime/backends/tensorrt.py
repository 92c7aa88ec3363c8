"""The backends `tensorrt` and `tensorrt-rtx`: engines that `onestep build` put into the bundle.

Not run on a GPU where it was written.
"""

from onestep.bundle import Bundle
from onestep.bundle.engine_record import EngineHost, build_command, find_engine
from onestep.errors import BackendError, EngineError, MissingExtraError
from onestep.frame_size import FrameSize
from onestep.runtime.backends.engine import Engine
from onestep.runtime.backends.frame_tensors import frame_tensors
from onestep.runtime.backends.options import EngineOptions
from onestep.runtime.backends.tensorrt_plan import PlanComputation, PlanSource
from onestep.runtime.cuda.calls import Cuda, open_cuda, why_no_cuda
from onestep.runtime.cuda.device import compute_capability
from onestep.runtime.cuda.frame_engine import GpuFrameEngine
from onestep.runtime.cuda.resources import CudaResources
from onestep.tensorrt_library import tensorrt_library


def why_not(name: str) -> str | None:
    """Return why this machine cannot use the backend, or None where it can.

    Args:
        name: `tensorrt` or `tensorrt-rtx`.
    """
    return tensorrt_library(name).why_missing() or why_no_cuda()


def open_engine(name: str, bundle: Bundle, size: FrameSize, options: EngineOptions) -> Engine:
    """Load the bundle's engine for one frame size.

    Args:
        name: `tensorrt` or `tensorrt-rtx`.
        bundle: Opened, so its files were checked; the engine is checked here against its record.
        size: Width and height in pixels.
        options: For another backend: threads are the GPU's own, and stochastic generators have no engines.

    Raises:
        BackendError: There is no driver or GPU, or the library refuses the engine.
        BundleError: The manifest describes no graph of this runtime.
        EngineError: The bundle has no engine for this machine and size.
        MissingExtraError: A library is not installed.
    """
    tensors = frame_tensors(bundle, size, options)
    if tensors.constants:
        raise BackendError(
            f"{bundle.path} is a stochastic generator, which {name} does not run. Use --backend onnxruntime-cuda or "
            "onnxruntime-cpu."
        )
    library = tensorrt_library(name)
    if reason := library.why_missing():
        raise MissingExtraError(reason)
    cuda = open_cuda(for_backend=name)
    trt = library.load(purpose="run an engine")
    found = find_engine(bundle, size, EngineHost(name, trt.__version__, compute_capability(cuda)))
    try:
        plan = found.plan.read_bytes()
    except OSError as err:
        raise EngineError(f"{found.plan} cannot be read ({err}).") from err
    source = PlanSource(
        library=library,
        trt=trt,
        plan=plan,
        profile=found.profile,
        tensors=tensors,
        size=size,
        rebuild=build_command(bundle.path, name, [size]),
        trusted_host_code=found.record.version_compatible,
    )
    return engine_on_gpu(cuda, source, str(bundle.path))


def engine_on_gpu(cuda: Cuda, source: PlanSource, name: str) -> GpuFrameEngine:
    """Load a plan.

    Args:
        cuda: Of the GPU.
        source: The plan.
        name: Of the bundle, for messages.

    Raises:
        BackendError: The library refuses the plan, or the GPU's memory does not suffice.
    """
    resources = CudaResources(cuda)

    def compute(stream: object) -> PlanComputation:
        return PlanComputation(source, resources, stream)

    return GpuFrameEngine(name, source.size, resources, compute)
