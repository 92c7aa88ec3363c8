"""The record of an engine: what stands beside a plan in `engines/`, and whether it fits this machine.

A plan says nothing about itself until a GPU reads it, and then only that it does not fit. So the record says it first:
of which graph, by which library, for which GPU and sizes. Each mismatch has its own words and the command that mends
it. Nothing here needs TensorRT: the runtime reads records, the exporter writes them.
"""

import dataclasses
import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from onestep.bundle.folder import PARITY_NAME, Bundle, file_record
from onestep.bundle.manifest import Manifest
from onestep.errors import BundleError, EngineError, SettingError
from onestep.frame_size import FrameSize, frame_size_from_text
from onestep.tensorrt_library import TENSORRT_RTX

ENGINES_FOLDER = "engines"
ANY_GPU = "any (JIT)"
"""Compute capability of an engine whose kernels are compiled on the GPU that runs it."""
_OLDEST_OF_ANY = [8, 0]
"""Compute capability from which on such an engine runs."""
FORMAT, VERSION = "onestep-engine", 1


@dataclass(frozen=True, kw_only=True)
class EngineRecord:
    """Everything an engine says about itself. All fields are plain JSON values."""

    backend: str
    """`tensorrt` or `tensorrt-rtx`."""
    library_version: str
    graph: dict[str, str]
    """SHA-256 of each file of the graph, by name."""
    precision: str
    compute_capability: str
    """Of the GPU it was built on, such as `8.9`; or `ANY_GPU`."""
    hardware_compatibility: str
    """`none`, `ampere_plus` or `same_compute_capability`."""
    version_compatible: bool
    """Whether later releases of the library's major version read it."""
    gpu: str
    """Name of the GPU it was built on; empty where it was built without one."""
    driver: str
    cuda: str
    profiles: list[str]
    """Frame sizes, one optimisation profile each, in the plan's order."""
    flags: dict[str, Any]
    """Options of the build, as given."""
    proof: dict[str, Any]
    """Layer types by precision and fused attentions; see `onestep.exporter.engines.precision_proof`."""
    plan: str
    """Name of the plan's file, in the same folder."""
    plan_bytes: int
    plan_sha256: str
    build_seconds: float
    """Of the build that was kept."""
    build_latencies_ms: list[float]
    """Median latency of each build where several were timed on a GPU."""
    peak_memory_mib: float
    """Largest resident memory of the process that built it."""
    built_at: str
    format: str = FORMAT
    version: int = VERSION

    @property
    def sizes(self) -> list[FrameSize]:
        """Frame sizes of the profiles, in the plan's order."""
        return [frame_size_from_text(text) for text in self.profiles]


@dataclass(frozen=True)
class EngineHost:
    """What of a machine decides whether an engine runs there."""

    backend: str
    library_version: str
    compute_capability: str
    """Of its GPU, such as `8.9`."""


@dataclass(frozen=True)
class FoundEngine:
    """An engine that fits."""

    record: EngineRecord
    plan: Path
    profile: int
    """Index of the optimisation profile of the size that was asked for."""


def graph_hashes(manifest: Manifest) -> dict[str, str]:
    """Return the SHA-256 of each file that holds the graph or its weights."""
    return {name: record.sha256 for name, record in manifest.files.items() if name != PARITY_NAME}


def text_from_record(record: EngineRecord) -> str:
    """Return the record as indented JSON."""
    return json.dumps(dataclasses.asdict(record), indent=2, ensure_ascii=False) + "\n"


def build_command(bundle: Path, backend: str, sizes: Iterable[FrameSize]) -> str:
    """Return the command that builds an engine for these sizes."""
    asked = [part for size in sizes for part in ("--size", str(size))]
    return shlex.join(["onestep", "build", str(bundle), "--backend", backend, *asked])


def read_record(path: Path, *, rebuild: str) -> EngineRecord:
    """Read and check a record.

    Args:
        path: The JSON file.
        rebuild: Command that builds the engine again, for the messages.

    Raises:
        EngineError: Not JSON, another format, a newer version, or a field that is missing or of the wrong type.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise EngineError(f"{path} cannot be read ({err}). Rebuild: {rebuild}") from err
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise EngineError(f'{path} describes no engine: its "format" is not {FORMAT!r}. Rebuild: {rebuild}')
    if raw.get("version") != VERSION:
        raise EngineError(
            f"{path} has version {raw.get('version')!r}; this onestep reads version {VERSION}. Update "
            f"your clone of onestep and install it again, or rebuild: {rebuild}"
        )
    for name, hint in get_type_hints(EngineRecord).items():
        kind = get_origin(hint) or hint
        if not isinstance(raw.get(name), (int, float) if kind is float else kind):
            raise EngineError(
                f"{path}: {name} is {raw.get(name)!r:.60}; expected {kind.__name__}. It was damaged or edited. "
                f"Rebuild: {rebuild}"
            )
    if not _are_sizes(raw["profiles"]):
        raise EngineError(
            f"{path}: profiles is {raw['profiles']!r:.60}; expected frame sizes such as ['512x288']. It was damaged or "
            f"edited. Rebuild: {rebuild}"
        )
    return EngineRecord(**{field.name: raw[field.name] for field in dataclasses.fields(EngineRecord)})


def _are_sizes(texts: list[object]) -> bool:
    try:
        return bool([frame_size_from_text(str(text)) for text in texts])
    except SettingError:
        return False


def find_engine(bundle: Bundle, size: FrameSize, host: EngineHost) -> FoundEngine:
    """Return an engine of the bundle that fits the graph, this machine and the size.

    Args:
        bundle: Opened, so its graph's files have the hashes of its manifest.
        size: Frame size in pixels.
        host: This machine.

    Raises:
        EngineError: There is none, the message says why each one does not fit, and the command that builds one; or none
            can run on this GPU.
    """
    if host.backend == TENSORRT_RTX and _is_too_old(host):
        raise EngineError(
            f"{host.backend} engines run from compute capability 8.0 on, and this GPU has {host.compute_capability}. "
            "Choose another --backend."
        )
    rebuild = build_command(bundle.path, host.backend, [size])
    reasons, damaged = [], None
    for path in sorted((bundle.path / ENGINES_FOLDER).glob(f"{host.backend}.*json")):
        try:
            record = read_record(path, rebuild=rebuild)
        except EngineError as err:  # another engine may fit
            damaged = err
            continue
        reason = why_not(record, bundle, size, host)
        if reason is None:
            return FoundEngine(record, path.parent / record.plan, record.sizes.index(size))
        reasons.append(f"{path.name}: {reason}")
    if damaged is not None:
        raise damaged
    if not reasons:
        raise EngineError(f"{bundle.path} has no {host.backend} engine. Build one: {rebuild}")
    raise EngineError(f"No {host.backend} engine of {bundle.path} fits ({'; '.join(reasons)}). Rebuild: {rebuild}")


def why_not(record: EngineRecord, bundle: Bundle, size: FrameSize, host: EngineHost) -> str | None:
    """Return the first reason why an engine does not fit, from the cheapest to find to the dearest; None where it does.

    Args:
        record: Of an engine of the bundle.
        bundle: Opened.
        size: Frame size in pixels.
        host: The machine that shall run it.
    """
    if record.graph != graph_hashes(bundle.manifest):
        return "the bundle's graph changed after the engine was built"
    if not _library_fits(record, host):
        return f"it was built by {record.backend} {record.library_version}, and here is {host.library_version}"
    if not _gpu_fits(record, host):
        return (
            f"it was built for compute capability {record.compute_capability} ({record.gpu}), and this GPU has "
            f"{host.compute_capability}"
        )
    if size not in record.sizes:
        return f"it was built for {', '.join(record.profiles)} and not for {size}"
    return _why_damaged(record, bundle.path / ENGINES_FOLDER)


def _library_fits(record: EngineRecord, host: EngineHost) -> bool:
    built, here = (_numbers(version) for version in (record.library_version, host.library_version))
    return built == here or (record.version_compatible and built[0] == here[0] and built <= here)


def _is_too_old(host: EngineHost) -> bool:
    return host.compute_capability != ANY_GPU and _numbers(host.compute_capability) < _OLDEST_OF_ANY


def _gpu_fits(record: EngineRecord, host: EngineHost) -> bool:
    if record.compute_capability in (ANY_GPU, host.compute_capability):
        return True
    return record.hardware_compatibility == "ampere_plus" and _numbers(host.compute_capability) >= [8]


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _why_damaged(record: EngineRecord, folder: Path) -> str | None:
    plan = folder / record.plan
    if plan.resolve().parent != folder.resolve():
        return f"its plan {record.plan!r} lies outside the folder and will not be opened"
    if not plan.is_file():
        return f"its plan {record.plan} is missing"
    try:
        found = file_record(plan)
    except BundleError as err:
        return f"its plan {err}"
    if found.bytes != record.plan_bytes:
        return f"its plan was cut off or changed: {found.bytes} bytes, expected {record.plan_bytes}"
    if found.sha256 != record.plan_sha256:
        return f"its plan was changed: SHA-256 {found.sha256[:12]}…, expected {record.plan_sha256[:12]}…"
    return None
