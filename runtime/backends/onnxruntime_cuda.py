"""ONNX Runtime on an NVIDIA GPU: the bundle's own graph, no engine to build.

The graph is bound to device memory once per slot and captured by ONNX Runtime as a CUDA graph per slot (its option
`enable_cuda_graph`, told apart by the runs' `gpu_graph_id`). ONNX Runtime keeps these graphs for the thread that
captured them, so all of its runs are made by one thread. It computes on the stream of the slots' copies, and is told
not to wait for it at the end of a run.

ONNX Runtime answers a request for a provider that it cannot load with a log line and the processor. Here that is an
error. Not run on a GPU where it was written.
"""

import contextlib
import importlib
import itertools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import numpy as np

from onestep.bundle import Bundle
from onestep.errors import BackendError, require
from onestep.frame_size import FrameSize
from onestep.runtime.backends.engine import Engine
from onestep.runtime.backends.frame_tensors import FrameTensors, frame_tensors
from onestep.runtime.backends.onnxruntime_graph import check_session, session_options, thread_count
from onestep.runtime.backends.options import EngineOptions
from onestep.runtime.cuda.calls import open_cuda, why_no_cuda
from onestep.runtime.cuda.frame_engine import GpuFrameEngine
from onestep.runtime.cuda.memory import MemoryBefore
from onestep.runtime.cuda.resources import CudaResources

NAME = "onnxruntime-cuda"
PROVIDER = "CUDAExecutionProvider"
OLDEST = (1, 31)
"""Older ones run parts of opset 21 on the processor (onnxruntime#26075, #27415), which a CUDA graph cannot hold, and
wait at the end of each replay (#28686)."""
GRAPH_ID, NO_WAIT = "gpu_graph_id", "disable_synchronize_execution_providers"
"""Settings of a run: which of the captured graphs it is, counted from 1; not to wait for its end. ONNX Runtime passes
over settings that it does not know without a word."""
_INSTALL = "pip uninstall onnxruntime, then pip install 'onestep[gpu]'"


def why_not() -> str | None:
    """Return why this machine cannot use the backend, or None where it can."""
    if find_spec("onnxruntime") is None:
        return "onnxruntime-gpu is not installed (pip install 'onestep[gpu]')"
    return why_no_cuda() or why_no_provider(importlib.import_module("onnxruntime"))


def why_no_provider(ort: Any) -> str | None:
    """Return one sentence if the installed ONNX Runtime is the one without CUDA."""
    if PROVIDER in ort.get_available_providers():
        return _why_too_old(ort.__version__)
    return f"the installed onnxruntime {ort.__version__} is the build without CUDA ({_INSTALL})"


def _why_too_old(version: str) -> str | None:
    """Return one sentence if a version lacks what the graph's replay needs."""
    found = tuple(int(number) for number in version.split(".")[:2])
    if found >= OLDEST:
        return None
    return (
        f"the installed onnxruntime-gpu {version} is older than {OLDEST[0]}.{OLDEST[1]}, which runs all operators of "
        "opset 21 on the GPU and replays a graph without waiting for it (pip install -U onnxruntime-gpu)"
    )


def open_engine(bundle: Bundle, size: FrameSize, options: EngineOptions) -> Engine:
    """Load the bundle's graph for one frame size.

    Args:
        bundle: Opened, so its files and their places were checked.
        size: Width and height in pixels; the graph's free dimensions are fixed to it.
        options: Threads for what little stays on the processor; strength and seed of a stochastic generator.

    Raises:
        BackendError: There is no driver or GPU, or ONNX Runtime cannot use it.
        BundleError: The graph is not what the manifest says.
        MissingExtraError: A library is not installed.
    """
    ort = require("onnxruntime", extra="gpu", purpose=f"run {NAME}")
    cuda = open_cuda(for_backend=NAME)
    if reason := why_no_provider(ort):
        raise BackendError(f"{NAME} cannot run here: {reason}")
    with contextlib.redirect_stdout(sys.stderr):  # it prints, and standard output may be the video
        ort.preload_dlls(directory="")  # of the nvidia-* wheels, which are on no path that a loader looks at
    tensors = frame_tensors(bundle, size, options)
    graph_options = session_options(ort, tensors, threads=thread_count(options))
    memory = MemoryBefore(size, bundle.weight_bytes >> 20, *cuda.memory_mib())

    def compute(stream: Any) -> "CudaGraphSession":
        session = cuda_session(ort, bundle, graph_options, stream, memory)
        check_session(bundle, session, tensors)
        return CudaGraphSession(session, ort, tensors, memory)

    return GpuFrameEngine(str(bundle.path), size, CudaResources(cuda), compute)


def cuda_session(ort: Any, bundle: Bundle, options: Any, stream: Any, memory: MemoryBefore) -> Any:
    """Load a graph on the CUDA provider, on the given stream.

    Args:
        ort: The module `onnxruntime`.
        bundle: Whose graph.
        options: `onnxruntime.SessionOptions`.
        stream: CUDA stream to compute on.
        memory: Of the GPU, before.

    Raises:
        BackendError: ONNX Runtime cannot load the graph, or fell back to another provider; memory ran out.
    """
    settings = {
        "device_id": "0",
        "user_compute_stream": str(int(stream)),
        "enable_cuda_graph": "1",
        "use_tf32": "0",  # it would undo the float32 that the step needs
        "cudnn_conv_algo_search": "EXHAUSTIVE",
    }
    try:
        # no fallback: it would load the graph once more, on the processor, and print why
        session = ort.InferenceSession(bundle.graph_path, options, providers=[(PROVIDER, settings)], enable_fallback=0)
    except Exception as err:
        failed = f"ONNX Runtime {ort.__version__} cannot load {bundle.graph_path} on CUDA: {err}"
        raise BackendError(memory.explained(str(err)) or failed) from err
    loaded = session.get_providers()
    if PROVIDER not in loaded:
        raise BackendError(
            f"ONNX Runtime {ort.__version__} did not load its CUDA provider and would run on {', '.join(loaded)}. Its "
            "CUDA and cuDNN libraries are missing or of another version: pip install 'onestep[gpu]'."
        )
    return session


class CudaGraphSession:
    """An ONNX Runtime session that replays one CUDA graph per slot.

    Args:
        session: On the CUDA provider, with `enable_cuda_graph` and a stream of ours.
        ort: The module `onnxruntime`.
        tensors: The graph's inputs and output.
        memory: Of the GPU, before the session was made.
    """

    def __init__(self, session: Any, ort: Any, tensors: FrameTensors, memory: MemoryBefore) -> None:
        self._session, self._ort, self._tensors, self._memory = session, ort, tensors, memory
        self._constants = {
            name: ort.OrtValue.ortvalue_from_numpy(value, "cuda", 0) for name, value in tensors.constants.items()
        }
        self._numbers = itertools.count(1)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=NAME)

    def prepare(self, stream: Any, input_address: int, output_address: int) -> Callable[[], None]:
        """Bind the graph to two device addresses, let it be captured, and return what replays it."""
        shape = list(self._tensors.shape)
        binding = self._session.io_binding()
        binding.bind_input(self._tensors.input_name, "cuda", 0, np.uint8, shape, input_address)
        binding.bind_output(self._tensors.output_name, "cuda", 0, np.uint8, shape, output_address)
        for name, value in self._constants.items():
            binding.bind_ortvalue_input(name, value)
        options = self._ort.RunOptions()
        options.add_run_config_entry(GRAPH_ID, str(next(self._numbers)))
        options.add_run_config_entry(NO_WAIT, "1")

        def enqueue() -> None:
            try:
                self._thread.submit(self._session.run_with_iobinding, binding, options).result()
            except Exception as err:
                failed = f"ONNX Runtime failed to run the graph on CUDA: {err}"
                raise BackendError(self._memory.explained(str(err)) or failed) from err

        enqueue()  # the first run allocates, then captures
        return enqueue

    def close(self) -> None:
        """Free the session with its graphs."""
        self._thread.shutdown()
        self._session, self._constants = None, {}
