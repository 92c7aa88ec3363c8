"""Frames through a GPU: copy in, compute, copy out, each on a stream of its own and joined by events.

    copy-in stream    [ in 0 ][ in 1 ]            [ in 2 ] ...
    compute stream            [ graph 0 ][ graph 1 ][ graph 2 ] ...
    copy-out stream                      [ out 0 ][ out 1 ] ...

Each slot has its own pinned memory, device memory and events, all at addresses that never change, so that its work is
recorded once and replayed for each frame. The host waits for one thing only: the last event of the slot that it is
about to hand out. A slot is submitted again only after it was waited for, so its own memory needs no further guard.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import RLock
from typing import Any, Protocol

from onestep.errors import BackendError
from onestep.frame_size import FrameSize
from onestep.runtime.cuda.calls import Cuda
from onestep.runtime.cuda.pinned import pinned_frame
from onestep.runtime.cuda.resources import CudaResources
from onestep.runtime.cuda.timeline import Timeline
from onestep.runtime.slots import Slot

Enqueue = Callable[[], None]


class Computation(Protocol):
    """What an inference library does between the two copies."""

    def prepare(self, stream: Any, input_address: int, output_address: int) -> Enqueue:
        """Get ready to compute from one device address to another, and return what puts it on the stream.

        Called once per slot, before its first frame; may compute on the memory as it is.
        """

    def close(self) -> None:
        """Free the library's own objects. Nothing is running any more."""


@dataclass(eq=False, slots=True)
class _GpuSlot(Slot):
    """A slot with its place on the GPU."""

    device_input: int = 0
    device_output: int = 0
    enqueue: Enqueue | None = None
    arrived: Any = None
    computed: Any = None
    done: Any = None


class GpuFrameEngine:
    """An `Engine` on a GPU, around the computation of any library.

    Args:
        name: Where frames are refused after closing: the bundle's path.
        size: Width and height in pixels.
        resources: Owned from now on.
        compute: Makes the computation on the compute stream; owned from now on.

    One slot is made at once: libraries find out only when they first run that they cannot, and then another backend can
    still be chosen.
    """

    depth = 2

    def __init__(
        self, name: str, size: FrameSize, resources: CudaResources, compute: Callable[[Any], Computation]
    ) -> None:
        self.frame_size = size
        self._name, self._resources = name, resources
        self._cuda: Cuda | None = resources.cuda
        self._bytes = size.pixels * 3
        self._mark: Callable[[Any], None] = _no_mark
        self._spare: list[_GpuSlot] = []
        self._lock = RLock()
        """Held while work is put on the streams: what another thread puts there would be captured with a new slot's."""
        try:
            self._copy_in, self._compute, self._copy_out = (resources.stream() for _ in range(3))
            self._computation = compute(self._compute)
            resources.on_close(self._computation.close)
            self._spare.append(self._made_slot())
        except BaseException:
            with suppress(BackendError):  # an error of the GPU comes again from every later call, and says less there
                resources.close()
            raise

    def new_slot(self) -> Slot:
        """Hand out a slot that was given back, or make one; the engine made the first when it was opened."""
        cuda = self._open()
        with self._lock:
            if not self._spare:
                return self._made_slot()
            slot = self._spare.pop()
        cuda.call("cudaEventSynchronize", slot.done)  # a pipeline that failed gave it back without waiting
        return slot

    def give_back(self, slot: Slot) -> None:
        """Keep a slot for the next one who asks: what it takes on the GPU is freed with the engine only."""
        assert isinstance(slot, _GpuSlot), "a slot of another engine"
        with self._lock:
            self._spare.append(slot)

    def _made_slot(self) -> _GpuSlot:
        """Allocate a slot in page-locked memory with its place on the GPU, and record its work."""
        cuda, made = self._open(), self._resources
        slot = _GpuSlot(pinned_frame(cuda, self.frame_size), pinned_frame(cuda, self.frame_size))
        slot.device_input, slot.device_output = (made.device_bytes(self._bytes) for _ in range(2))
        slot.arrived, slot.computed, slot.done = (made.event() for _ in range(3))
        slot.enqueue = self._computation.prepare(self._compute, slot.device_input, slot.device_output)
        return slot

    def submit(self, slot: Slot) -> None:
        """Put copy, computation and copy back on their streams, and return at once.

        Raises:
            BackendError: CUDA or the library failed, or the engine is closed.
        """
        assert isinstance(slot, _GpuSlot) and slot.enqueue is not None, "a slot of another engine"
        with self._lock:
            self._put_on_streams(slot, slot.enqueue)

    def _put_on_streams(self, slot: _GpuSlot, enqueue: Enqueue) -> None:
        call, kinds = self._open().call, self._open().api.cudaMemcpyKind
        source, result = slot.input.ctypes.data, slot.output.ctypes.data
        to_device, to_host = kinds.cudaMemcpyHostToDevice, kinds.cudaMemcpyDeviceToHost
        mark = self._mark
        mark(self._copy_in)
        call("cudaMemcpyAsync", slot.device_input, source, self._bytes, to_device, self._copy_in)
        mark(self._copy_in)
        call("cudaEventRecord", slot.arrived, self._copy_in)
        call("cudaStreamWaitEvent", self._compute, slot.arrived, 0)
        mark(self._compute)
        enqueue()
        mark(self._compute)
        call("cudaEventRecord", slot.computed, self._compute)
        call("cudaStreamWaitEvent", self._copy_out, slot.computed, 0)
        mark(self._copy_out)
        call("cudaMemcpyAsync", result, slot.device_output, self._bytes, to_host, self._copy_out)
        mark(self._copy_out)
        call("cudaEventRecord", slot.done, self._copy_out)

    def wait(self, slot: Slot) -> None:
        """Return once the slot's result is in its host memory.

        Raises:
            BackendError: CUDA failed, now or earlier on, or the engine is closed.
        """
        assert isinstance(slot, _GpuSlot), "a slot of another engine"
        self._open().call("cudaEventSynchronize", slot.done)

    @contextmanager
    def traced(self) -> Iterator[Timeline]:
        """Note when the GPU works on each frame that is submitted while the block runs. For diagnosis: it allocates."""
        timeline = Timeline(self._open())
        self._mark = timeline.mark
        try:
            yield timeline
        finally:
            self._mark = _no_mark
            timeline.close()

    def close(self) -> None:
        """Wait for what was submitted, then free everything but host memory that someone still views."""
        with self._lock:
            cuda, self._cuda = self._cuda, None
            if cuda is None:
                return
            for stream in (self._copy_in, self._compute, self._copy_out):
                cuda.api.cudaStreamSynchronize(stream)  # after a failure it fails too, and freeing goes on
            self._spare.clear()  # not before: a copy may still write there
            self._resources.close()

    def _open(self) -> Cuda:
        if self._cuda is None:
            raise BackendError(f"The session on {self._name} is closed. Open it again.")
        return self._cuda


def _no_mark(stream: Any) -> None:
    """Note nothing."""
