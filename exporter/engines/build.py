"""From a bundle to an engine in it: parse, prove, build, inspect, keep the fastest, write plan and record."""

import dataclasses
import json
import logging
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from onestep.atomic import check_writable
from onestep.bundle import Bundle
from onestep.bundle.engine_record import ANY_GPU, ENGINES_FOLDER, EngineRecord, graph_hashes
from onestep.bundle.folder import PARITY_NAME
from onestep.errors import EngineBuildError, OnestepError, SettingError
from onestep.exporter.compact import stores_halves
from onestep.exporter.engines.adapted_graph import adapted_graph
from onestep.exporter.engines.attention import fused_attention_count
from onestep.exporter.engines.builder_config import builder_config, keep_timing_cache
from onestep.exporter.engines.inspection import inspected_counts
from onestep.exporter.engines.network import ParsedNetwork, parsed_network
from onestep.exporter.engines.options import BuildOptions, profile_sizes
from onestep.exporter.engines.precision_proof import Counts, PrecisionProof, check_islands, prove_precision
from onestep.exporter.engines.progress import Tell
from onestep.exporter.engines.write_engine import write_engine
from onestep.frame_size import FrameSize
from onestep.tensorrt_library import tensorrt_library

_log = logging.getLogger(__name__)

LatencyMs = Callable[[bytes], float]
"""Measures a plan on this machine's GPU: median milliseconds of one frame."""


@dataclass(frozen=True)
class BuildGpu:
    """The GPU that a build runs on; all empty where there is none."""

    name: str = ""
    compute_capability: str = ""
    driver: str = ""
    cuda: str = ""


@dataclass(frozen=True)
class BuildReport:
    """What a build made."""

    plan: Path
    record: EngineRecord


@dataclass(frozen=True)
class _Built:
    """One build of possibly several."""

    plan: bytes
    seconds: float
    latency_ms: float | None = None


def build_engine(
    bundle: Bundle,
    *,
    options: BuildOptions,
    gpu: BuildGpu | None = None,
    measure: LatencyMs | None = None,
    on_stage: Callable[[str], None] = lambda stage: None,
    tell: Tell = lambda done, known: None,
) -> BuildReport:
    """Build an engine from a bundle's graph and put it, with its record, into the bundle's `engines` folder.

    Args:
        bundle: Opened, so its files were checked.
        options: Library, sizes, and so on.
        gpu: The GPU that is here; None without one.
        measure: Times a plan; needed for more than one build.
        on_stage: Called with a few words when a stage begins.
        tell: Called with the builder's steps.

    Raises:
        EngineBuildError: The library takes the graph not, failed, or the engine would compute in other types.
        MissingExtraError: The library or onnx is not installed.
        KeyboardInterrupt: Somebody asked it to stop before one build was done.
        OutputError: The engine cannot be written.
        SettingError: The graph takes no such size, or several builds were asked for where nothing can time them.
    """
    _check_buildable(bundle, options, measure)
    engines = bundle.path / ENGINES_FOLDER
    check_writable(
        engines if engines.exists() else bundle.path, advice="Copy the bundle to a place that can be written."
    )
    gpu, library = gpu or BuildGpu(), tensorrt_library(options.backend)
    sizes = profile_sizes(options, bundle.manifest)
    on_stage("parsing the graph")
    model = adapted_graph(bundle.graph_path)
    parsed = parsed_network(library, model, bundle.graph_path)
    precision = bundle.manifest.precision
    proof = prove_precision(precision, model, parsed, kept_in_float32=_kept_in_float32(bundle))
    on_stage(f"building for {', '.join(map(str, sizes))}")
    builds = _builds(options.builds, lambda: _built(parsed, options, sizes, tell, measure), on_stage)
    kept = fastest(builds)
    on_stage("proving what the engine computes in")
    inspected = inspected_counts(parsed, kept.plan, trusted_host_code=options.version_compatible)
    check_islands(inspected or {}, precision, where="engine", islands=proof.islands, copies=len(sizes))
    record = _record(bundle, parsed, options, gpu, sizes, builds, kept, _proof(proof, inspected, kept.plan, len(sizes)))
    return BuildReport(*write_engine(bundle, kept.plan, record))


def _check_buildable(bundle: Bundle, options: BuildOptions, measure: LatencyMs | None) -> None:
    if options.builds > 1 and measure is None:
        raise SettingError(
            f"{options.builds} builds were asked for, and there is no GPU here that could tell the fastest. Build once."
        )
    if bundle.manifest.precision == "int8":
        raise EngineBuildError(
            f"{bundle.path} is an int8 bundle, which is made for processors; engines are built from fp16 or fp32. "
            "Export the generator with --precision fp16."
        )
    if options.refittable and stores_halves(bundle.graph_path):
        raise SettingError(
            f"{bundle.path} was exported with --compact, whose weights lie behind casts, and an engine of it could not "
            "take others. Export without --compact, or build without --refittable."
        )
    if len(bundle.manifest.inputs) != 1:
        names = ", ".join(spec.name for spec in bundle.manifest.inputs)
        raise EngineBuildError(
            f"The graph of {bundle.path} takes {names}; engines are built of graphs that take one frame. "
            "Export the bundle as a deterministic generator."
        )


def _kept_in_float32(bundle: Bundle) -> list[str]:
    """Return the modules that the export says to have kept in float32, for the range of their numbers."""
    if PARITY_NAME not in bundle.manifest.files:
        return []
    proof = json.loads((bundle.path / PARITY_NAME).read_text(encoding="utf-8"))
    return [overflow["kept"] for overflow in proof.get("float32_for_range", [])]


def _builds(count: int, build: Callable[[], _Built], on_stage: Callable[[str], None]) -> list[_Built]:
    """Build so often; where one fails or is interrupted, those before it are what there is."""
    builds: list[_Built] = []
    try:
        while len(builds) < count:
            builds.append(build())
    except (KeyboardInterrupt, OnestepError) as err:
        if not builds:
            raise
        why = str(err) or "interrupted"
        on_stage(f"build {len(builds) + 1} of {count} ended ({why}): keeping the fastest of those before")
    return builds


def fastest(builds: Sequence[_Built]) -> _Built:
    """Return the build of least latency; the first where none was timed."""
    return min(builds, key=lambda build: build.latency_ms or 0.0)


def _built(
    parsed: ParsedNetwork, options: BuildOptions, sizes: Sequence[FrameSize], tell: Tell, measure: LatencyMs | None
) -> _Built:
    config = builder_config(parsed, options, sizes, tell)
    start = time.perf_counter()
    serialised = parsed.builder.build_serialized_network(parsed.network, config)
    seconds = time.perf_counter() - start
    if config.progress_monitor.interrupted is not None:
        raise config.progress_monitor.interrupted
    if serialised is None:
        raise EngineBuildError(
            f"{parsed.library.name} {parsed.trt.__version__} could not build the engine: {parsed.reasons()}. "
            "If it ran out of memory, try a smaller --size or --workspace."
        )
    if options.timing_cache is not None:
        keep_timing_cache(config, options.timing_cache)
    plan = bytes(serialised)
    latency_ms = measure(plan) if measure is not None and options.builds > 1 else None
    _log.info("built %d bytes in %.1f s, latency %s ms", len(plan), seconds, latency_ms)
    return _Built(plan, seconds, latency_ms)


def _proof(proof: PrecisionProof, inspected: Counts | None, plan: bytes, profile_count: int) -> dict[str, object]:
    return {
        **dataclasses.asdict(proof),
        "engine": inspected,
        "proven_on": "parsed network" if inspected is None else "parsed network and engine",
        "softmax_count": sum(proof.layers.get("SOFTMAX", {}).values()),
        "fused_attention_count": fused_attention_count(plan, profile_count=profile_count),
    }


def _record(
    bundle: Bundle,
    parsed: ParsedNetwork,
    options: BuildOptions,
    gpu: BuildGpu,
    sizes: Sequence[FrameSize],
    builds: Sequence[_Built],
    kept: _Built,
    proof: dict[str, object],
) -> EngineRecord:
    return EngineRecord(
        backend=parsed.library.name,
        library_version=parsed.trt.__version__,
        graph=graph_hashes(bundle.manifest),
        precision=bundle.manifest.precision,
        compute_capability=ANY_GPU if parsed.library.is_rtx else gpu.compute_capability,
        hardware_compatibility=options.hardware_compatibility,
        version_compatible=options.version_compatible,
        gpu=gpu.name,
        driver=gpu.driver,
        cuda=gpu.cuda,
        profiles=[str(size) for size in sizes],
        flags=options.flags(),
        proof=proof,
        plan="",  # the file's name, size and hash are known when it is written
        plan_bytes=0,
        plan_sha256="",
        build_seconds=round(kept.seconds, 3),
        build_latencies_ms=[build.latency_ms for build in builds if build.latency_ms is not None],
        peak_memory_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
