"""`onestep doctor`: what this machine can run, and why not the rest."""

import json
import os
import platform
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from onestep.finding import Finding
from onestep.library_versions import installed_version, libraries_of
from onestep.usable_cores import usable_cores
from onestep.version import __version__

_EXTRAS = ("cpu", "train", "export", "evaluate")
"""What the NVIDIA ones bring stands under `library`."""
_SAME_MODULE = {"onnxruntime": "onnxruntime-gpu"}
"""Distributions that bring a module of the same name; installing both breaks both."""
_CODECS = {
    "decoder": ("h264", "hevc", "vp9", "libdav1d", "mpeg4", "mjpeg"),
    "encoder": ("libx264", "libx265", "libvpx-vp9", "h264_nvenc", "hevc_nvenc"),
}
_MODES: dict[str, Literal["r", "w"]] = {"decoder": "r", "encoder": "w"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what this machine can run, and why not the rest."""
    from onestep.runtime.backends.machine import nvidia_findings

    findings = [*_machine(), *nvidia_findings(), *_backends(), *_extras(), *_codecs()]
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
    cores = usable_cores()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return [Finding("onestep", True, f"{__version__}; {system}; {cores} cores, {memory_gib:.0f} GiB")]


def _backends() -> list[Finding]:
    from onestep.runtime.backends.choose import BACKENDS

    findings = []
    for backend in BACKENDS:
        reason = backend.why_not()
        findings.append(Finding(f"backend {backend.name}", reason is None, reason or "ready"))
    return [*findings, _auto([finding.subject for finding in findings if finding.usable])]


def _auto(usable: list[str]) -> Finding:
    """Say what `--backend auto` takes on this machine."""
    names = [subject.removeprefix("backend ") for subject in usable]
    needs_engine = [name for name in names if name.startswith("tensorrt")]
    order = [*(f"{name} where the bundle has an engine for it" for name in needs_engine), *names[len(needs_engine) :]]
    return Finding(
        "backend auto",
        bool(order),
        f"takes {', else '.join(order[: len(needs_engine) + 1])}" if order else "no backend is usable",
    )


def _extras() -> list[Finding]:
    findings = []
    for extra in _EXTRAS:
        found = dict(_installed(library) for library in libraries_of(extra))
        missing = [library for library, number in found.items() if number is None]
        detail = ", ".join(f"{library} {number}" for library, number in found.items() if number is not None)
        if missing:
            detail = f"missing {', '.join(missing)}: pip install 'onestep[{extra}]'"
        findings.append(Finding(f"extra {extra}", not missing, detail))
    return findings


def _installed(library: str) -> tuple[str, str | None]:
    """Return what brings a library here, and its version; None where nothing does."""
    number, other = installed_version(library), _SAME_MODULE.get(library)
    if number is None and other is not None and (instead := installed_version(other)) is not None:
        return other, instead
    return library, number


def _codecs() -> list[Finding]:
    return [_codec(kind, name) for kind, names in _CODECS.items() for name in names]


def _codec(kind: str, name: str) -> Finding:
    import av.codec

    try:
        av.codec.Codec(name, _MODES[kind])
    except av.codec.codec.UnknownCodecError:
        return Finding(f"{kind} {name}", False, f"not in this build of PyAV {av.__version__}")
    needs_gpu = "; whether it opens stands under NVENC" if name.endswith("nvenc") else ""
    return Finding(f"{kind} {name}", True, f"PyAV {av.__version__}{needs_gpu}")
