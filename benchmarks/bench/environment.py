"""On what the figures were made: device, threads, load, versions."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from onestep.library_versions import installed_version

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
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": _gpu() if device == "cuda" else f"{_processor()}, {threads} threads",
        "machine": f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"{memory_gib:.0f} GiB memory",
        "load before the run": f"{os.getloadavg()[0]:.2f} (one minute)",
        "python": platform.python_version(),
        **{name: number for name in _LIBRARIES if (number := installed_version(name)) is not None},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _gpu() -> str:
    import torch

    properties = torch.cuda.get_device_properties(0)
    capability = f"{properties.major}.{properties.minor}"
    return (
        f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, compute {capability}, CUDA {torch.version.cuda}"
    )
