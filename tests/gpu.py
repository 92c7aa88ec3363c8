"""Which tests need a GPU, and what becomes of them without one.

Tests marked `gpu` are skipped on a machine without a GPU. Under `ONESTEP_REQUIRE_GPU=1`, as in `make gpu-check`, they
run, and one that is skipped for any reason fails: a broken driver cannot turn the suite green. They run on the backends
that `ONESTEP_GPU_BACKENDS` names, which `scripts.gpu_check` sets to those that run on its machine.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

REQUIRED = "ONESTEP_REQUIRE_GPU"
BACKENDS = "ONESTEP_GPU_BACKENDS"


def is_required() -> bool:
    """Tell whether this run must use a GPU."""
    return os.environ.get(REQUIRED) == "1"


def gpu_backends() -> list[str]:
    """Return the names of the backends that GPU tests run on."""
    return os.environ.get(BACKENDS, "onnxruntime-cuda,tensorrt-rtx").split(",")


def tensorrt_backends() -> list[str]:
    """Return those of them that run engines; tests of these have the mark `tensorrt`."""
    return [name for name in gpu_backends() if name.startswith("tensorrt")]


def build(bundle: Path, backend: str, *options: str) -> None:
    """Build an engine as a user does, with what this machine's GPU is in its record."""
    subprocess.run([sys.executable, "-m", "onestep", "build", str(bundle), "--backend", backend, *options], check=True)


def skip_without_gpu(items: Iterable[pytest.Item]) -> None:
    """Mark the tests that need a GPU as skipped where there is none and none is required."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked or is_required():
        return
    from onestep.runtime.cuda.calls import why_no_cuda

    if reason := why_no_cuda():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


def fail_if_skipped(item: pytest.Item, report: pytest.TestReport) -> None:
    """Turn the skip of a test that needs a GPU into a failure where one is required."""
    if report.skipped and item.get_closest_marker("gpu") and is_required() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under {REQUIRED}=1: {report.longrepr}"
