"""`onestep doctor`: what this machine can run, and why not the rest."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from onestep.version import __version__

_EXTRAS = {
    "cpu": ("onnxruntime",),
    "train": ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors"),
    "export": ("torch", "diffusers", "transformers", "safetensors", "onnx", "onnxscript"),
}
_ENCODERS = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "h264_nvenc", "hevc_nvenc")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    subject: str
    usable: bool
    detail: str


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what this machine can run, and why not the rest."""
    findings = [*_machine(), *_nvidia(), *_backends(), *_extras(), *_encoders()]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "usable", "detail")
    for finding in findings:
        table.add_row(finding.subject, "yes" if finding.usable else "no", escape(finding.detail))
    Console().print(table)


def _machine() -> list[Finding]:
    cores = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return [Finding("onestep", True, f"{__version__}; {system}; {cores} cores, {memory_gib:.0f} GiB")]


def _nvidia() -> list[Finding]:
    from onestep.runtime.backends.machine import nvidia_findings

    return [Finding(found.subject, found.usable, found.detail) for found in nvidia_findings()]


def _backends() -> list[Finding]:
    from onestep.runtime.backends.choose import BACKENDS

    findings = []
    for backend in BACKENDS:
        reason = backend.why_not()
        findings.append(Finding(f"backend {backend.name}", reason is None, reason or "ready"))
    return findings


def _extras() -> list[Finding]:
    findings = []
    for extra, libraries in _EXTRAS.items():
        found = {library: _installed(library) for library in libraries}
        missing = [library for library, number in found.items() if number is None]
        detail = ", ".join(f"{library} {number}" for library, number in found.items() if number is not None)
        if missing:
            detail = f"missing {', '.join(missing)}: pip install 'onestep[{extra}]'"
        findings.append(Finding(f"extra {extra}", not missing, detail))
    return findings


def _installed(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _encoders() -> list[Finding]:
    import av.codec

    findings = []
    for name in _ENCODERS:
        try:
            av.codec.Codec(name, "w")
        except av.codec.codec.UnknownCodecError:
            findings.append(Finding(f"encoder {name}", False, f"not in this build of PyAV {av.__version__}"))
        else:
            needs_driver = " (needs an NVIDIA driver to open)" if name.endswith("nvenc") else ""
            findings.append(Finding(f"encoder {name}", True, f"PyAV {av.__version__}{needs_driver}"))
    return findings
