"""What an NVIDIA GPU's side of this machine looks like, for `onestep doctor`. Asks, and opens nothing for long."""

import ctypes
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from onestep.errors import OnestepError
from onestep.runtime.cuda.calls import open_cuda, why_no_cuda
from onestep.runtime.cuda.device import first_gpu
from onestep.tensorrt_library import LIBRARIES

_VIDEO = {"NVDEC": "libnvcuvid.so.1", "NVENC": "libnvidia-encode.so.1"}
_PACKAGES = ("cuda-bindings", "onnxruntime-gpu", "polygraphy")


@dataclass(frozen=True)
class MachineFinding:
    """One thing that is here or not."""

    subject: str
    usable: bool
    detail: str


def nvidia_findings() -> list[MachineFinding]:
    """Return what was found of GPU, driver, libraries and video engines, and why not the rest."""
    return [_gpu(), *_libraries(), *_video()]


def _gpu() -> MachineFinding:
    reason = why_no_cuda()
    if reason is not None:
        return MachineFinding("NVIDIA GPU", False, reason)
    try:
        gpu = first_gpu(open_cuda(for_backend="doctor"))
    except OnestepError as err:
        return MachineFinding("NVIDIA GPU", False, str(err))
    detail = f"{gpu.name}, compute capability {gpu.compute_capability}, {gpu.memory_mib} MiB"
    return MachineFinding("NVIDIA GPU", True, f"{detail}, driver {gpu.driver or 'unknown'} (CUDA {gpu.cuda})")


def _libraries() -> list[MachineFinding]:
    findings = []
    for name in (*LIBRARIES, *_PACKAGES):
        number = _installed(name)
        missing = LIBRARIES[name].why_missing() if name in LIBRARIES else None
        detail = number or missing or "not installed"
        findings.append(MachineFinding(f"library {name}", number is not None, detail))
    return findings


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _video() -> list[MachineFinding]:
    """Look for the driver's video libraries. Some GPUs (H100, A100) have no NVENC all the same: opening it tells."""
    findings = []
    for engine, library in _VIDEO.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            findings.append(MachineFinding(engine, False, f"the driver's {library} is not here"))
        else:
            findings.append(MachineFinding(engine, True, f"{library}; whether the GPU has it shows when it is opened"))
    return findings
