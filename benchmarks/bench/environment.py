"""On what the figures were made: device, threads, load, versions."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from onestep.library_versions import installed_version
from onestep.runtime.cuda.calls import open_cuda
from onestep.runtime.cuda.device import first_gpu
from onestep.usable_cores import usable_cores

_ROOT = Path(__file__).resolve().parents[2]
_LIBRARIES = (
    "onestep",
    "torch",
    "diffusers",
    "transformers",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "tensorrt",
    "av",
)


def environment(*, device: str, threads: int) -> dict[str, str]:
    """Describe the machine in texts that a reader can compare.

    Args:
        device: `cpu` or `cuda`.
        threads: Processor threads that a row may use.
    """
    memory_gib, commit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, git_commit(_ROOT)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": _gpu() if device == "cuda" else f"{processor_name()}, {threads} threads",
        "machine": f"{platform.system()} {platform.machine()}, {usable_cores()} cores, {memory_gib:.0f} GiB memory",
        "load before the run": f"{os.getloadavg()[0]:.2f} (one minute)",
        **({"git commit": commit} if commit else {}),
        "python": platform.python_version(),
        **{name: number for name in _LIBRARIES if (number := installed_version(name)) is not None},
    }


def processor_name() -> str:
    """Return the processor's own name, or its architecture."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def device_of(backend: str) -> str:
    """Return on what a backend runs, as `environment` takes it: `cpu` or `cuda`."""
    return "cpu" if backend.endswith("-cpu") else "cuda"


def git_commit(folder: Path) -> str | None:
    """Return the commit of a working tree, and whether files differ from it; None where there is no git or no tree."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit} with changes" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _gpu() -> str:
    """Describe the first GPU, by PyTorch if it is installed: the runtime does without it."""
    if installed_version("torch") is None:
        gpu = first_gpu(open_cuda(for_backend="benchmarks"))
        return _gpu_text(gpu.name, gpu.memory_mib / 2**10, gpu.compute_capability, gpu.cuda)
    import torch

    properties = torch.cuda.get_device_properties(0)
    capability = f"{properties.major}.{properties.minor}"
    return _gpu_text(properties.name, properties.total_memory / 2**30, capability, str(torch.version.cuda))


def _gpu_text(name: str, memory_gib: float, capability: str, cuda: str) -> str:
    return f"{name}, {memory_gib:.0f} GiB, compute {capability}, CUDA {cuda}"
