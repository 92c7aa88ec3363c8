"""Everything that needs a GPU, in one run: tests, parity, latency against the floor, overlap, and video end to end.

    make gpu-check                                              installs what is needed, then runs this
    python -m scripts.gpu_check --size 512x512 --backends onnxruntime-cuda,tensorrt-rtx
    python -m scripts.gpu_check --look                          only says which GPU is here

Run from the repository's folder on a machine with an NVIDIA GPU. Latency does not depend on weights, so the full-size
rows are SD-Turbo's networks with random weights. Writes `benchmarks/results/GPU-DATE.json` and prints a table; exit
status 1 if there is no GPU, a test failed, a backend did not run, or a figure misses its limit. What comes after the
first call to the GPU was not run where it was written.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from onestep.bundle import Bundle, open_bundle
from onestep.domains import embedded_bundle, embedded_domains
from onestep.errors import OnestepError
from onestep.frame_size import FrameSize, frame_size_from_text
from onestep.runtime.backends.choose import BACKENDS
from onestep.runtime.backends.tensorrt_timing import COUNT, WARM_UP
from onestep.runtime.cuda.calls import open_cuda
from onestep.runtime.cuda.device import Gpu, first_gpu
from scripts.gpu_rows import CheckedBundle, Row, measured_row, why_not_running

RESULTS = Path("benchmarks/results")
SD_TURBO_TFLOP_512 = 4.47
PROCESSOR, RTX = "onnxruntime-cpu", "tensorrt-rtx"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and return the exit status."""
    options = _options(arguments)
    try:
        gpu = first_gpu(open_cuda(for_backend="gpu-check"))
    except OnestepError as err:
        print(f"Error: {err}. Run it on a machine with an NVIDIA GPU and its driver.", file=sys.stderr)
        return 1
    print(f"{gpu.name}, compute capability {gpu.compute_capability}, {gpu.memory_mib} MiB, driver {gpu.driver}")
    if options.look:
        return 0
    backends, passed_over = chosen_backends(options.backends)
    size = frame_size_from_text(options.size)
    with tempfile.TemporaryDirectory(prefix="onestep-gpu-") as folder:
        if options.backends is None and RTX in backends and (reason := why_rtx_does_not_run(Path(folder) / "probe")):
            backends.remove(RTX)
            passed_over[RTX] = reason
        tests = run_tests(backends)
        bundles = _bundles(Path(folder), size)
        rows = [measured_row(bundle, backend) for bundle in bundles for backend in backends]
    path = write_results(gpu, size, rows, passed_over, tests_passed=tests.returncode == 0)
    print(table(rows))
    for backend, reason in passed_over.items():
        print(f"passed over {backend}: {reason}")
    misses = [miss for row in rows for miss in row.misses()]
    misses += [] if tests.returncode == 0 else ["the tests that need a GPU: see above"]
    for miss in misses:
        print(f"MISSED  {miss}")
    print(f"Results: {path}")
    return int(bool(misses))


def chosen_backends(named: str | None) -> tuple[list[str], dict[str, str]]:
    """Return the backends to measure, and those that this machine cannot use with the reason.

    Args:
        named: Names with commas between them, measured whatever this machine is; None for all that it can use.
    """
    if named is not None:
        return named.split(","), {}
    reasons = {backend.name: backend.why_not() for backend in BACKENDS if backend.name != PROCESSOR}
    usable = [name for name, reason in reasons.items() if reason is None]
    return usable, {name: reason for name, reason in reasons.items() if reason is not None}


def why_rtx_does_not_run(folder: Path) -> str | None:
    """Return why TensorRT-RTX runs no engine on this GPU, which is not of the kind it is made for; None if it does."""
    bundle = open_bundle(shutil.copytree(embedded_bundle(embedded_domains()[0]), folder))
    return why_not_running(CheckedBundle("probe", bundle, bundle.manifest.frame.preferred), RTX)


def run_tests(backends: Sequence[str]) -> "subprocess.CompletedProcess[bytes]":
    """Run the tests that need a GPU on these backends; a skip is a failure."""
    marks = "gpu" if any(name.startswith("tensorrt") for name in backends) else "gpu and not tensorrt"
    environment = os.environ | {"ONESTEP_REQUIRE_GPU": "1", "ONESTEP_GPU_BACKENDS": ",".join(backends)}
    return subprocess.run([sys.executable, "-m", "pytest", "-m", marks], env=environment)


def write_results(
    gpu: Gpu, size: FrameSize, rows: Sequence[Row], passed_over: dict[str, str], *, tests_passed: bool
) -> Path:
    """Write the figures of a run below `RESULTS` and return the file."""
    at = datetime.now(UTC)
    path = RESULTS / f"{gpu.name.replace(' ', '-').lower()}-{at:%Y-%m-%dT%H%M}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {
        "at": at.isoformat(timespec="seconds"),
        "gpu": asdict(gpu),
        "full_size": str(size),
        "warm_up": WARM_UP,
        "count": COUNT,
        "tests_passed": tests_passed,
        "passed_over": passed_over,
        "rows": [asdict(row) | {"misses": row.misses()} for row in rows],
    }
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return path


def table(rows: Sequence[Row]) -> str:
    """Return the figures as text, one line for each row."""
    lines = [
        f"{'bundle':20}{'backend':18}{'p50 ms':>9}{'p95 ms':>9}{'floor ms':>10}{'engine fps':>12}{'video fps':>11}"
        f"{'copy in/compute/out ms':>24}{'hidden':>8}{'parity':>14}"
    ]
    for row in rows:
        stages, hidden = "", ""
        if row.timeline is not None:
            times = (row.timeline.copy_in_ms, row.timeline.compute_ms, row.timeline.copy_out_ms)
            stages, hidden = "/".join(f"{time:.2f}" for time in times), f"{row.timeline.hidden_share:.0%}"
        parity = "" if row.parity_psnr_db is None else f"{row.parity_max_abs}, {row.parity_psnr_db:.1f} dB"
        lines.append(
            f"{row.bundle:20}{row.backend:18}{row.latency_p50_ms:9.2f}{row.latency_p95_ms:9.2f}{row.floor_ms:10.2f}"
            f"{row.engine_fps:12.1f}{row.end_to_end_fps:11.1f}{stages:>24}{hidden:>8}{parity:>14}  {row.error}".rstrip()
        )
    return "\n".join(lines)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", default="512x512", help="WIDTHxHEIGHT of the full-size rows")
    parser.add_argument("--backends", help="names with commas between them [all that this machine can use]")
    parser.add_argument("--look", action="store_true", help="only say which GPU is here")
    return parser.parse_args(arguments)


def _bundles(folder: Path, size: FrameSize) -> list[CheckedBundle]:
    """Return the bundles of the package, copied, for engines are put into them, and SD-Turbo's full size."""
    checked = []
    for name in embedded_domains():
        copy = shutil.copytree(embedded_bundle(name), folder / name)
        bundle = open_bundle(copy)
        checked.append(CheckedBundle(f"embedded {name}", bundle, bundle.manifest.frame.preferred))
    full = _full_size_bundle(folder / "sd-turbo", size)
    return [*checked, CheckedBundle("SD-Turbo fp16", full, size, floor_ms=_floor_ms(size), parity_frames=1)]


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
        print("torch sees no GPU: the arithmetic floor is left out")
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


if __name__ == "__main__":
    sys.exit(main())
