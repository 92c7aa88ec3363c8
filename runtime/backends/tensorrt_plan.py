"""A TensorRT or TensorRT-RTX plan as a computation on device memory.

Each slot has an execution context of its own, because a context is bound to the addresses that it was given. The
contexts share one block of scratch memory: they run one after the other on the compute stream.

- `tensorrt`: a context's work is run once and then captured as a CUDA graph.
- `tensorrt-rtx`: its contexts compile kernels for the GPU when they first run, so the library captures its work itself
  (`CudaGraphStrategy.WHOLE_GRAPH_CAPTURE`); the contexts share a runtime cache, so that each kernel is compiled once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from onestep.errors import BackendError
from onestep.frame_size import FrameSize
from onestep.runtime.backends.frame_tensors import FrameTensors
from onestep.runtime.cuda.calls import Cuda
from onestep.runtime.cuda.memory import does_not_fit
from onestep.runtime.cuda.resources import CudaResources
from onestep.tensorrt_library import TensorRtLibrary, collecting_logger


@dataclass(frozen=True)
class PlanSource:
    """A plan and what is known about it."""

    library: TensorRtLibrary
    trt: ModuleType
    plan: bytes
    profile: int
    """Index of the optimisation profile to run."""
    tensors: FrameTensors
    size: FrameSize
    rebuild: str
    """Command that builds the engine again, for messages."""
    trusted_host_code: bool = False
    """Whether the plan is version compatible and so brings its own runtime, which must be allowed to run."""


class PlanComputation:
    """A deserialised plan.

    Args:
        source: The plan.
        resources: Where device memory and graphs come from.
        stream: The compute stream.

    Raises:
        BackendError: The library refuses the plan, or the GPU's memory does not suffice.
    """

    def __init__(self, source: PlanSource, resources: CudaResources, stream: Any) -> None:
        self._source, self._resources = source, resources
        self._logger = collecting_logger(source.trt)
        self._runtime = source.trt.Runtime(self._logger)
        self._runtime.engine_host_code_allowed = source.trusted_host_code
        self._engine = self._deserialised()
        self._contexts: list[Any] = []
        self._scratch_bytes = int(self._engine.get_device_memory_size_for_profile_v2(source.profile))
        self._check_memory(resources.cuda)
        self._scratch = resources.device_bytes(self._scratch_bytes) if self._scratch_bytes else 0
        self._cache: Any = None
        self._config = self._runtime_config()

    def prepare(self, stream: Any, input_address: int, output_address: int) -> Callable[[], None]:
        """Bind a new context to two addresses, run it once, and return what runs it again."""
        self._contexts.append(self._bound_context(stream, input_address, output_address))
        number = len(self._contexts) - 1

        def enqueue() -> None:
            if not self._contexts[number].execute_async_v3(stream):
                raise BackendError(self._failed("could not run the engine"))

        enqueue()  # the first run may allocate and compile, which a capture must not
        cuda = self._resources.cuda
        cuda.call("cudaStreamSynchronize", stream)
        if self._source.library.is_rtx:
            return enqueue
        graph = self._resources.captured_graph(stream, enqueue)
        return lambda: cuda.call("cudaGraphLaunch", graph, stream)

    def close(self) -> None:
        """Let go of contexts, configuration, cache, engine and runtime, in this order."""
        self._contexts.clear()
        self._config = None
        self._cache = None
        self._engine = None
        self._runtime = None

    def _deserialised(self) -> Any:
        engine = self._runtime.deserialize_cuda_engine(self._source.plan)
        if engine is None:
            raise BackendError(f"{self._failed('does not load the engine')}. {self._what_helps()}")
        return engine

    def _what_helps(self) -> str:
        """Say what to do about an engine that does not load: a library that ran out of memory says so in its log."""
        if not any("memory" in error.lower() for error in self._logger.errors):
            return f"Rebuild: {self._source.rebuild}"
        free_mib, total_mib = self._resources.cuda.memory_mib()
        plan_mib = len(self._source.plan) >> 20
        return (
            f"Its plan alone takes {plan_mib} MiB, and {free_mib} of {total_mib} MiB of the GPU's memory are free. End "
            "other programs on it."
        )

    def _check_memory(self, cuda: Cuda) -> None:
        free_mib, total_mib = cuda.memory_mib()
        needed_mib = self._scratch_bytes >> 20
        if needed_mib and needed_mib >= free_mib:
            size = self._source.size
            raise BackendError(does_not_fit(size, needed_mib=needed_mib, free_mib=free_mib, total_mib=total_mib))

    def _runtime_config(self) -> Any:
        """Return how contexts are made: their scratch memory is given to them."""
        trt = self._source.trt
        if not self._source.library.is_rtx:
            return trt.ExecutionContextAllocationStrategy.USER_MANAGED
        config = self._engine.create_runtime_config()
        config.set_execution_context_allocation_strategy(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
        config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        # by default kernels for a free size are compiled behind the first frames, which others compute meanwhile
        config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        self._cache = config.create_runtime_cache()  # kept here: the configuration only points to it
        if not config.set_runtime_cache(self._cache):
            raise BackendError(self._failed("does not take a runtime cache"))
        return config

    def _bound_context(self, stream: Any, input_address: int, output_address: int) -> Any:
        source, tensors = self._source, self._source.tensors
        context = self._engine.create_execution_context(self._config)
        if context is None:
            raise BackendError(self._failed("could not make an execution context"))
        done = [
            context.set_optimization_profile_async(source.profile, stream),
            context.set_input_shape(tensors.input_name, tensors.shape),
        ]
        context.set_device_memory(self._scratch, self._scratch_bytes)  # its size is that of the profile
        done += [
            context.set_tensor_address(tensors.input_name, input_address),
            context.set_tensor_address(tensors.output_name, output_address),
        ]
        if not all(done):
            raise BackendError(self._failed(f"does not take the frame as {list(tensors.shape)}"))
        return context

    def _failed(self, what: str) -> str:
        reason = "; ".join(dict.fromkeys(self._logger.errors)) or "it gave no reason"
        return f"{self._source.library.name} {self._source.trt.__version__} {what}: {reason}"
