"""What lives on a GPU, owned by one object that gives all of it back in the opposite order, whatever happened."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from onestep.runtime.cuda.calls import Cuda


class CudaResources:
    """Streams, events, memory and graphs of one engine. Close it once; then nothing of them is left.

    Args:
        cuda: On which they are made.
    """

    def __init__(self, cuda: Cuda) -> None:
        self.cuda = cuda
        self._stack = ExitStack()

    def close(self) -> None:
        """Free everything, the newest first. What fails does not keep the rest; the last failure is raised."""
        self._stack.close()

    def on_close(self, free: Callable[[], object]) -> None:
        """Call `free` when everything is freed, before what was made earlier."""
        self._stack.callback(free)

    def stream(self) -> Any:
        """Make a stream that does not wait for the default one."""
        return self._made("cudaStreamCreateWithFlags", self.cuda.api.cudaStreamNonBlocking, free="cudaStreamDestroy")

    def event(self) -> Any:
        """Make an event to wait on; it keeps no time, and waiting for it lets the processor sleep."""
        flags = self.cuda.api.cudaEventDisableTiming | self.cuda.api.cudaEventBlockingSync
        return self._made("cudaEventCreateWithFlags", flags, free="cudaEventDestroy")

    def device_bytes(self, count: int) -> int:
        """Allocate so many bytes on the GPU and return their address."""
        return int(self._made("cudaMalloc", count, free="cudaFree"))

    def captured_graph(self, stream: Any, enqueue: Callable[[], None]) -> Any:
        """Record what `enqueue` puts on a stream as a CUDA graph, ready to be launched.

        The capture is thread-local: other threads may allocate meanwhile, as decoders do.

        Args:
            stream: Not the default stream; nothing runs on it during the capture.
            enqueue: Puts the work on the stream, at addresses that stay.
        """
        api = self.cuda.api
        self.cuda.call("cudaStreamBeginCapture", stream, api.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal)
        try:
            enqueue()
        except BaseException:
            api.cudaStreamEndCapture(stream)  # ends the capture; the error that broke it is the one to tell
            raise
        graph = self.cuda.call("cudaStreamEndCapture", stream)
        try:
            executable = self._made("cudaGraphInstantiate", graph, 0, free="cudaGraphExecDestroy")
        finally:
            self.cuda.call("cudaGraphDestroy", graph)
        self.cuda.call("cudaGraphUpload", executable, stream)
        return executable

    def _made(self, make: str, *arguments: Any, free: str) -> Any:
        made = self.cuda.call(make, *arguments)
        self._stack.callback(self.cuda.call, free, made)
        return made
