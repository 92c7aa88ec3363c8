"""ONNX Runtime on the processor: any machine, the same graph, no GPU.

Each slot's memory is bound once as the graph's input and output, so that a frame costs one call and no allocation.
The library's worker threads do not spin: while they would wait for work, the threads beside them decode and encode.
Measured on two shared cores with 960x540 H.264 in and out and a graph of five convolutions at 512x288: 135 ms of
processor time and 7.4 frames per second without spinning, 153 ms and 6.2 with it.

Where frames per second are the aim, two frames are computed at a time. All threads wait for the slowest at the end of
each layer; with a second frame they have something to do meanwhile.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onestep.bundle import Bundle
from onestep.errors import BackendError, MissingExtraError
from onestep.frame_size import FrameSize
from onestep.runtime.backends.frame_tensors import FrameTensors, frame_tensors
from onestep.runtime.backends.onnxruntime_graph import check_session, session_options, thread_count
from onestep.runtime.backends.options import EngineOptions
from onestep.runtime.slots import Slot, aligned_frame

if TYPE_CHECKING:
    import onnxruntime

NAME = "onnxruntime-cpu"
MOST_AT_A_TIME: Final = 2
"""Measured with two threads, one for each frame; with more threads the two frames share the others."""
LARGEST_GRAPH_BYTES: Final = 256 << 20
"""Layers of a graph with more weights are long, which wastes little on waiting, and their results are large."""
LARGEST_FRAME_PIXELS: Final = 1 << 19
"""Of larger frames a layer may take gigabytes: attention grows with the square of the pixels."""


def why_not() -> str | None:
    """Return why this machine cannot use the backend, or None where it can."""
    return None if find_spec("onnxruntime") else "neither onnxruntime nor onnxruntime-gpu is installed"


def open_engine(bundle: Bundle, size: FrameSize, options: EngineOptions) -> "OnnxRuntimeCpuEngine":
    """Load the bundle's graph for one frame size.

    Args:
        bundle: Opened, so its files and their places were checked.
        size: Width and height in pixels; the graph's free dimensions are fixed to it.
        options: Threads, and what they are for; strength and seed of a stochastic generator.

    Raises:
        BackendError: ONNX Runtime cannot load the graph.
        BundleError: The graph is not what the manifest says.
        MissingExtraError: ONNX Runtime is not installed.
        SettingError: The options are for another kind of generator.
    """
    ort = _onnxruntime()
    tensors = frame_tensors(bundle, size, options)
    depth = frames_at_a_time(bundle, size, options)
    settings = session_options(ort, tensors, threads=thread_count(options) - depth + 1)
    try:
        session = ort.InferenceSession(bundle.graph_path, settings, providers=["CPUExecutionProvider"])
    except Exception as err:
        raise BackendError(f"ONNX Runtime {ort.__version__} cannot load {bundle.graph_path}: {err}") from err
    check_session(bundle, session, tensors)
    return OnnxRuntimeCpuEngine(bundle, size, session, tensors, depth=depth)


def frames_at_a_time(bundle: Bundle, size: FrameSize, options: EngineOptions) -> int:
    """Return how many frames are computed at a time: two of a small graph and size, where throughput is asked for."""
    is_large = bundle.weight_bytes > LARGEST_GRAPH_BYTES or size.pixels > LARGEST_FRAME_PIXELS
    if options.aim == "latency" or is_large:
        return 1
    return min(thread_count(options), MOST_AT_A_TIME)


@dataclass(eq=False, slots=True)
class _BoundSlot(Slot):
    """A slot whose memory is bound to the graph."""

    binding: Any = None
    result: Future[None] | None = None


class OnnxRuntimeCpuEngine:
    """The graph in ONNX Runtime's CPU provider.

    Args:
        bundle: Opened.
        size: Width and height in pixels.
        session: The graph, loaded; the threads that call it come on top of its own.
        tensors: The graph's inputs and output.
        depth: How many frames are computed at a time, each called from a thread of its own where there are several.
    """

    def __init__(
        self,
        bundle: Bundle,
        size: FrameSize,
        session: "onnxruntime.InferenceSession",
        tensors: FrameTensors,
        *,
        depth: int,
    ) -> None:
        self.frame_size, self.depth = size, depth
        self._bundle, self._tensors = bundle, tensors
        self._session: onnxruntime.InferenceSession | None = session
        self._callers = ThreadPoolExecutor(depth, thread_name_prefix="graph-caller") if depth > 1 else None

    def new_slot(self) -> Slot:
        """Allocate a slot in plain memory and bind it to the graph."""
        slot = _BoundSlot(aligned_frame(self.frame_size), aligned_frame(self.frame_size))
        slot.binding = self._open_session().io_binding()
        for bind, name, memory in (
            (slot.binding.bind_input, self._tensors.input_name, slot.input),
            (slot.binding.bind_output, self._tensors.output_name, slot.output),
        ):
            bind(name, "cpu", 0, np.uint8, list(self._tensors.shape), memory.ctypes.data)
        for name, value in self._tensors.constants.items():
            slot.binding.bind_cpu_input(name, value)
        return slot

    def give_back(self, slot: Slot) -> None:
        """Do nothing: a slot is plain memory, which goes when nobody views it any more."""

    def submit(self, slot: Slot) -> None:
        """Translate `slot.input` into `slot.output`; where several frames are computed at a time, begin to.

        Raises:
            BackendError: ONNX Runtime failed, or the engine is closed.
        """
        assert isinstance(slot, _BoundSlot), "a slot of another engine"
        session = self._open_session()
        if self._callers is None:
            self._translate(session, slot)
            return
        if slot.result is not None:  # given up by an interrupt, and still being computed
            wait_for((slot.result,))
        try:
            slot.result = self._callers.submit(self._translate, session, slot)
        except RuntimeError as err:
            if self._session is None:  # closed in this moment
                raise self._closed() from err
            raise BackendError(f"No thread could be started to run {self._bundle.graph_path}: {err}") from err

    def wait(self, slot: Slot) -> None:
        """Return once `slot.output` is complete: at once where `submit` has done the work.

        Raises:
            BackendError: ONNX Runtime failed.
        """
        assert isinstance(slot, _BoundSlot), "a slot of another engine"
        if slot.result is None:
            return
        wait_for((slot.result,))
        error, slot.result = slot.result.exception(), None
        try:
            if error is not None:
                raise error
        finally:
            del error  # it holds this frame, which would hold it

    def close(self) -> None:
        """Wait for what was submitted, and free the graph. Slots that were made stay readable."""
        self._session = None
        if self._callers is not None:
            self._callers.shutdown()

    def _translate(self, session: "onnxruntime.InferenceSession", slot: _BoundSlot) -> None:
        try:
            session.run_with_iobinding(slot.binding)
        except Exception as err:
            raise BackendError(f"ONNX Runtime failed to run {self._bundle.graph_path}: {err}") from err

    def _open_session(self) -> "onnxruntime.InferenceSession":
        if self._session is None:
            raise self._closed()
        return self._session

    def _closed(self) -> BackendError:
        return BackendError(f"The session on {self._bundle.path} is closed. Open it again.")


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as err:
        raise MissingExtraError(
            f"ONNX Runtime is needed to run a bundle and could not be imported ({err}). Install one of the two: "
            "pip install 'onestep[cpu]' for any machine, or pip install 'onestep[gpu]' for an NVIDIA GPU; "
            "not both, since they overwrite each other."
        ) from err
    return onnxruntime
