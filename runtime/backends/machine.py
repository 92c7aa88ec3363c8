"""What an NVIDIA GPU's side of this machine looks like, for `onestep doctor`. Asks, and opens nothing for long."""

from onestep.errors import OnestepError
from onestep.finding import Finding
from onestep.library_versions import installed_version
from onestep.runtime.cuda.calls import open_cuda, why_no_cuda
from onestep.runtime.cuda.device import first_gpu
from onestep.tensorrt_library import LIBRARIES

_PACKAGES = ("cuda-bindings", "onnxruntime", "onnxruntime-gpu", "polygraphy")


def nvidia_findings() -> list[Finding]:
    """Return what was found of GPU, driver, libraries and video engines, and why not the rest."""
    return [_gpu(), *_libraries(), *_video()]


def _gpu() -> Finding:
    reason = why_no_cuda()
    if reason is not None:
        return Finding("NVIDIA GPU", False, reason)
    try:
        gpu = first_gpu(open_cuda(for_backend="doctor"))
    except OnestepError as err:
        return Finding("NVIDIA GPU", False, str(err))
    detail = f"{gpu.name}, compute capability {gpu.compute_capability}, {gpu.memory_mib} MiB"
    return Finding("NVIDIA GPU", True, f"{detail}, driver {gpu.driver or 'unknown'} (CUDA {gpu.cuda})")


def _libraries() -> list[Finding]:
    findings = []
    for name in (*LIBRARIES, *_PACKAGES):
        number = installed_version(name)
        missing = LIBRARIES[name].why_missing() if name in LIBRARIES else None
        detail = number or missing or "not installed"
        findings.append(Finding(f"library {name}", number is not None, detail))
    return findings


def _video() -> list[Finding]:
    """Try the video engines: some GPUs (H100, A100) have no NVENC whatever their driver installs."""
    from onestep.runtime.video.hardware import why_no_nvdec, why_no_nvenc

    reasons = {
        "NVDEC": (why_no_nvdec(), "decoded two H.264 pictures"),
        "NVENC h264": (why_no_nvenc("h264_nvenc"), "opened"),
        "NVENC h265": (why_no_nvenc("hevc_nvenc"), "opened"),
    }
    return [Finding(engine, why is None, why or done) for engine, (why, done) in reasons.items()]
