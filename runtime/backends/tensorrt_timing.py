"""How long a plan takes for a frame on this machine's GPU. Not run on a GPU where it was written."""

import statistics
import time

from onestep.bundle import Bundle
from onestep.bundle.engine_record import build_command
from onestep.frame_size import FrameSize
from onestep.runtime.backends.closing import closed_after
from onestep.runtime.backends.engine import Engine
from onestep.runtime.backends.frame_tensors import frame_tensors
from onestep.runtime.backends.options import EngineOptions
from onestep.runtime.backends.tensorrt import engine_on_gpu
from onestep.runtime.backends.tensorrt_plan import PlanSource
from onestep.runtime.cuda.calls import open_cuda
from onestep.tensorrt_library import tensorrt_library

WARM_UP, COUNT = 20, 100
"""Frames that are not timed, and those that are."""


def plan_latency_ms(
    plan: bytes, *, bundle: Bundle, backend: str, size: FrameSize, trusted_host_code: bool = False
) -> float:
    """Return the median latency of one frame in milliseconds, copies included, one frame at a time.

    Args:
        plan: The serialised engine, whose first profile is for `size`.
        bundle: Where its graph comes from.
        backend: `tensorrt` or `tensorrt-rtx`.
        size: Width and height in pixels.
        trusted_host_code: Whether the plan is version compatible and brings its own runtime.

    Raises:
        BackendError: The plan does not run here.
    """
    library = tensorrt_library(backend)
    source = PlanSource(
        library=library,
        trt=library.load(purpose="time an engine"),
        plan=plan,
        profile=0,
        tensors=frame_tensors(bundle, size, EngineOptions()),
        size=size,
        rebuild=build_command(bundle.path, backend, [size]),
        trusted_host_code=trusted_host_code,
    )
    with closed_after(engine_on_gpu(open_cuda(for_backend=backend), source, str(bundle.path))) as engine:
        return statistics.median(frame_latencies_ms(engine))


def frame_latencies_ms(engine: Engine, *, warm_up: int = WARM_UP, count: int = COUNT) -> list[float]:
    """Time frames one at a time, from submitting to the result.

    Args:
        engine: Any backend's.
        warm_up: Frames before the first that counts.
        count: Frames that count.
    """
    slot = engine.new_slot()
    latencies_ms = []
    for _ in range(warm_up + count):
        start = time.perf_counter()
        engine.submit(slot)
        engine.wait(slot)
        latencies_ms.append(1e3 * (time.perf_counter() - start))
    engine.give_back(slot)
    return latencies_ms[warm_up:]
