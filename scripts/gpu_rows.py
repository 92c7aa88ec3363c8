"""What `gpu_check` measures of one bundle on one backend. Not run on a GPU where it was written."""

import json
import statistics
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onestep.bundle import Bundle
from onestep.errors import OnestepError, ParityError
from onestep.frame_size import FrameSize
from onestep.runtime.cuda.frame_engine import GpuFrameEngine
from onestep.runtime.cuda.timeline import TimelineSummary, summarised
from onestep.runtime.session import Session, SessionOptions, open_session

FLOOR_FACTOR, LEAST_SHARE, LEAST_HIDDEN = 2.5, 0.95, 0.9
"""What is asked: latency within 2.5 times the arithmetic floor, 0.95 of the engine's frames per second end to end, and
nine tenths of the copies' time hidden behind computation. The first two are asked where the floor is known: a student
for processors may be faster on a GPU than a video is encoded."""
TIMELINE_FRAMES = 100


@dataclass(frozen=True)
class CheckedBundle:
    """A bundle and how it is measured."""

    name: str
    bundle: Bundle
    size: FrameSize
    floor_ms: float = 0.0
    """Least time of a frame by arithmetic; 0 where nobody knows."""
    parity_frames: int = 8


@dataclass
class Row:
    """One bundle's figures on one backend; 0 and None are what was not measured."""

    bundle: str
    backend: str
    error: str = ""
    latency_p50_ms: float = 0.0
    latency_p95_ms: float = 0.0
    engine_fps: float = 0.0
    end_to_end_fps: float = 0.0
    floor_ms: float = 0.0
    parity_max_abs: int | None = None
    """Largest difference from the graph on ONNX Runtime's processor backend, in levels of 255."""
    parity_psnr_db: float | None = None
    timeline: TimelineSummary | None = None
    failed: list[str] = field(default_factory=list)
    """What went wrong after the backend had started."""

    def misses(self) -> list[str]:
        """Return what is not as it should be."""
        name = f"{self.bundle} on {self.backend}"
        if self.error:
            return [f"{name}: {self.error}"]
        found = [f"{name}: {failure}" for failure in self.failed]
        if self.floor_ms and self.latency_p50_ms > FLOOR_FACTOR * self.floor_ms:
            found.append(f"{name}: {self.latency_p50_ms:.1f} ms, limit {FLOOR_FACTOR * self.floor_ms:.1f} ms")
        if self.floor_ms and self.engine_fps and self.end_to_end_fps < LEAST_SHARE * self.engine_fps:
            found.append(f"{name}: {self.end_to_end_fps / self.engine_fps:.2f} of the engine's rate")
        if self.timeline is not None and self.timeline.hidden_share < LEAST_HIDDEN:
            found.append(f"{name}: {self.timeline.hidden_share:.2f} of the copies are hidden")
        return found


def measured_row(checked: CheckedBundle, backend: str) -> Row:
    """Build an engine where the backend needs one, then measure."""
    row = Row(checked.name, backend, floor_ms=checked.floor_ms)
    try:
        if backend.startswith("tensorrt"):
            _build(checked, backend)
        options = SessionOptions(bundle=checked.bundle, backend=backend, size=checked.size)
        with open_session(options) as session:
            _measure(row, checked, session)
        rates = _video_rates(checked, backend)
    except (OnestepError, subprocess.CalledProcessError) as err:
        row.error = str(err)
        return row
    row.engine_fps, row.end_to_end_fps = (float(rates[name]) for name in ("engine_fps", "end_to_end_fps"))
    return row


def why_not_running(checked: CheckedBundle, backend: str) -> str | None:
    """Open a bundle, its engine built first, and run it once; return why that failed, or None where it did not."""
    try:
        if backend.startswith("tensorrt"):
            _build(checked, backend)
        with open_session(SessionOptions(bundle=checked.bundle, backend=backend, size=checked.size)):
            return None
    except (OnestepError, subprocess.CalledProcessError) as err:
        return str(err)


def timeline_of(engine: GpuFrameEngine, *, count: int = TIMELINE_FRAMES) -> TimelineSummary:
    """Send frames through an engine, as many in flight as it takes, and sum up when the GPU worked on them."""
    slots = [engine.new_slot() for _ in range(engine.depth + 1)]
    with engine.traced() as timeline:
        flying: deque[Any] = deque()
        for index in range(count):
            if len(flying) == engine.depth:
                engine.wait(flying.popleft())
            slot = slots[index % len(slots)]
            engine.submit(slot)
            flying.append(slot)
        while flying:
            engine.wait(flying.popleft())
        for slot in slots:
            engine.give_back(slot)
        return summarised(timeline.frames())


def _build(checked: CheckedBundle, backend: str) -> None:
    command = ["build", str(checked.bundle.path), "--backend", backend, "--size", str(checked.size)]
    subprocess.run([sys.executable, "-m", "onestep", *command], check=True)


def _measure(row: Row, checked: CheckedBundle, session: Session) -> None:
    from onestep.runtime.backends.tensorrt_timing import frame_latencies_ms

    latencies_ms = frame_latencies_ms(session.engine)
    row.latency_p50_ms = statistics.median(latencies_ms)
    row.latency_p95_ms = statistics.quantiles(latencies_ms, n=20)[-1]
    if isinstance(session.engine, GpuFrameEngine):
        row.timeline = timeline_of(session.engine)
    _compare(row, checked, session)


def _compare(row: Row, checked: CheckedBundle, session: Session) -> None:
    """Hold the backend against the bundle's graph on the processor."""
    from onestep.exporter.engines.engine_parity import enforce_engine_parity, engine_parity
    from onestep.exporter.engines.refit_gpu import frame_runner

    graph, precision = checked.bundle.graph_path, checked.bundle.manifest.precision
    run: Callable[[Any], Any] = frame_runner(session.engine)
    report = engine_parity(run, graph_path=graph, precision=precision, size=checked.size, count=checked.parity_frames)
    row.parity_max_abs = report.graph_to_float32.max_abs
    row.parity_psnr_db = min(report.graph_to_float32.psnr_db, 99.0)  # equal pictures have none, and JSON no infinity
    try:
        enforce_engine_parity(report, name=row.backend)
    except ParityError as err:
        row.failed.append(str(err))


def _video_rates(checked: CheckedBundle, backend: str) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        what = ["--bundle", str(checked.bundle.path), "--backend", backend, "--size", str(checked.size)]
        how = ["--frames", "600", "--engine-frames", "200", "--live-seconds", "0", "--json", file.name]
        subprocess.run([sys.executable, "benchmarks/runtime.py", *what, *how], check=True)
        rates: dict[str, Any] = json.loads(Path(file.name).read_text())
        return rates
