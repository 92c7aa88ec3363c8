"""Everything that needs a GPU, in one run: tests, parity, latency against the floor, and video end to end.

    python -m scripts.gpu_check
    python -m scripts.gpu_check --size 512x512 --backends onnxruntime-cuda,tensorrt-rtx

Run from the repository's folder on a machine with an NVIDIA GPU. Latency does not depend on weights, so the full-size
rows are SD-Turbo's networks with random weights. Writes `benchmarks/results/GPU-DATE.json` and prints a table; exit
status 1 if a test failed, a backend did not run, or a figure misses its limit. Not run where it was written.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from onestep.bundle import Bundle
from onestep.errors import OnestepError
from onestep.frame_size import FrameSize, frame_size_from_text
from onestep.runtime.cuda.calls import open_cuda
from onestep.runtime.cuda.device import Gpu, first_gpu

RESULTS = Path("benchmarks/results")
SD_TURBO_TFLOP_512 = 4.47
FLOOR_FACTOR, LEAST_SHARE = 2.5, 0.95
"""What is asked: latency within 2.5 times the arithmetic floor, and 0.95 of the engine's frames per second."""


@dataclass
class Row:
    """One backend's figures."""

    backend: str
    error: str = ""
    latency_p50_ms: float = 0.0
    latency_p95_ms: float = 0.0
    engine_fps: float = 0.0
    end_to_end_fps: float = 0.0
    floor_ms: float = 0.0

    def misses(self) -> list[str]:
        """Return what is not as it should be."""
        if self.error:
            return [f"{self.backend}: {self.error}"]
        found = []
        if self.floor_ms and self.latency_p50_ms > FLOOR_FACTOR * self.floor_ms:
            found.append(f"{self.backend}: {self.latency_p50_ms:.1f} ms, limit {FLOOR_FACTOR * self.floor_ms:.1f} ms")
        if self.end_to_end_fps < LEAST_SHARE * self.engine_fps:
            found.append(f"{self.backend}: {self.end_to_end_fps / self.engine_fps:.2f} of the engine's rate")
        return found


def main() -> int:
    """Run everything and return the exit status."""
    options = _options()
    gpu = first_gpu(open_cuda(for_backend="gpu-check"))
    size = frame_size_from_text(options.size)
    floor_ms = _floor_ms(size)
    tests = subprocess.run([sys.executable, "-m", "pytest", "-m", "gpu"], env=os.environ | {"ONESTEP_REQUIRE_GPU": "1"})
    with tempfile.TemporaryDirectory(prefix="onestep-gpu-") as folder:
        bundle = _full_size_bundle(Path(folder) / "bundle", size)
        rows = [_row(bundle, backend, size, floor_ms) for backend in options.backends.split(",")]
    _report(gpu, size, rows, tests_passed=tests.returncode == 0)
    misses = [miss for row in rows for miss in row.misses()]
    for miss in misses:
        print(f"MISSED  {miss}")
    return int(bool(misses) or tests.returncode != 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", default="512x512", help="WIDTHxHEIGHT of the full-size rows")
    parser.add_argument("--backends", default="onnxruntime-cuda,tensorrt-rtx", help="names with commas between them")
    return parser.parse_args()


def _full_size_bundle(folder: Path, size: FrameSize) -> Bundle:
    """Write SD-Turbo's graph in float16 with random weights."""
    import torch

    from onestep.training.base import random_base
    from onestep.training.generator import OneStep, OneStepGenerator
    from onestep.training.vae_skips import SkipConvolutions
    from tests.exporter.engine_bundles import engine_bundle

    base = random_base("sd-turbo", seed=0)
    generator = OneStepGenerator(
        vae=base.vae,
        unet=base.unet,
        skips=SkipConvolutions.for_vae(base.vae),
        step=OneStep.from_scheduler(base.scheduler),
    )
    with torch.no_grad():
        prompt_embedding = base.prompt_embedding("driving in the night")
    return engine_bundle(folder, generator.eval().requires_grad_(False), prompt_embedding, size=size)


def _floor_ms(size: FrameSize) -> float:
    """Return the least time of a frame at this GPU's measured float16 rate; 0 where torch cannot measure it."""
    import torch

    if not torch.cuda.is_available():
        return 0.0
    side, count = 8192, 20
    matrix = torch.randn(side, side, dtype=torch.float16, device="cuda")
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    for _turn in range(2):  # the first turn warms up
        start.record()
        for _ in range(count):
            matrix @ matrix
        end.record()
        torch.cuda.synchronize()
    tflops = float(count * 2 * side**3 / start.elapsed_time(end) / 1e9)
    print(f"dense float16 matrix products: {tflops:.0f} TFLOP/s")
    return SD_TURBO_TFLOP_512 * size.pixels / 512**2 / tflops * 1e3


def _row(bundle: Bundle, backend: str, size: FrameSize, floor_ms: float) -> Row:
    row = Row(backend, floor_ms=floor_ms)
    try:
        if backend.startswith("tensorrt"):
            _build(bundle, backend, size)
        latencies_ms = _latencies_ms(bundle, backend)
        rates = _video_rates(bundle, backend)
    except (OnestepError, subprocess.CalledProcessError) as err:
        row.error = str(err)
        return row
    row.latency_p50_ms = statistics.median(latencies_ms)
    row.latency_p95_ms = statistics.quantiles(latencies_ms, n=20)[-1]
    row.engine_fps, row.end_to_end_fps = (float(rates[name]) for name in ("engine_fps", "end_to_end_fps"))
    return row


def _build(bundle: Bundle, backend: str, size: FrameSize) -> None:
    command = [sys.executable, "-m", "onestep", "build", str(bundle.path), "--backend", backend, "--size", str(size)]
    subprocess.run(command, check=True)


def _latencies_ms(bundle: Bundle, backend: str) -> list[float]:
    from onestep.runtime.backends.tensorrt_timing import frame_latencies_ms
    from onestep.runtime.session import SessionOptions, open_session

    with open_session(SessionOptions(bundle=bundle, backend=backend)) as session:
        return frame_latencies_ms(session.engine)


def _video_rates(bundle: Bundle, backend: str) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "benchmarks/runtime.py", "--bundle", str(bundle.path), "--backend", backend]
        subprocess.run([*command, "--frames", "600", "--engine-frames", "200", "--json", file.name], check=True)
        rates: dict[str, Any] = json.loads(Path(file.name).read_text())
        return rates


def _report(gpu: Gpu, size: FrameSize, rows: list[Row], *, tests_passed: bool) -> None:
    at = datetime.now(UTC)
    path = RESULTS / f"{gpu.name.replace(' ', '-').lower()}-{at:%Y-%m-%d}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {
        "at": at.isoformat(timespec="seconds"),
        "gpu": asdict(gpu),
        "size": str(size),
        "warm_up": 20,
        "count": 100,
        "tests_passed": tests_passed,
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"{'backend':20}{'p50 ms':>9}{'p95 ms':>9}{'floor ms':>10}{'engine fps':>12}{'video fps':>11}")
    for row in rows:
        print(
            f"{row.backend:20}{row.latency_p50_ms:9.2f}{row.latency_p95_ms:9.2f}{row.floor_ms:10.2f}"
            f"{row.engine_fps:12.1f}{row.end_to_end_fps:11.1f}  {row.error}"
        )
    print(f"Results: {path}")


if __name__ == "__main__":
    sys.exit(main())
