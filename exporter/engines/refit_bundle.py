"""New weights into a bundle: graph, proof and engines replaced together, or nothing.

The new generator is exported beside the bundle, in its precision and sizes. If that graph is the old one with other
numbers in it, each engine gets the whole new set of weights and must then compute what the new graph computes. Only
then does the new folder take the old one's place. Until that moment, and after any failure or interruption, the bundle
is as it was.
"""

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from onestep.atomic import check_disk
from onestep.bundle import Bundle, open_bundle
from onestep.bundle.engine_record import EngineRecord, graph_hashes
from onestep.bundle.manifest import Manifest
from onestep.errors import BackendError, MissingExtraError
from onestep.exporter.engines.engine_parity import RunFrame, enforce_engine_parity, engine_parity
from onestep.exporter.engines.refit import RefitPlan, plan_refit
from onestep.exporter.engines.refit_choice import BuiltEngine, refittable_engines
from onestep.exporter.engines.swap import beside, carry_over, swap
from onestep.exporter.engines.write_engine import write_engine
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.exporter.parity import ParityReport
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator
from onestep.training.students.folder import PackedStudent

Packed = PackedGenerator | PackedStudent
OnStage = Callable[[str], None]


class EngineGpu(Protocol):
    """What a refit needs of the machine that runs the engines."""

    def check(self, engine: BuiltEngine, bundle: Bundle) -> None:
        """Raise EngineError if the engine does not run here."""

    def library_version(self, backend: str) -> str:
        """Return the version of the library that writes a backend's plans here."""

    def refitted(self, engine: BuiltEngine, given: Path, wanted: RefitPlan) -> bytes:
        """Return the engine's plan with the weights of the ONNX file `given`."""

    def running(
        self, record: EngineRecord, plan: bytes, bundle: Bundle, size: FrameSize
    ) -> AbstractContextManager[RunFrame]:
        """Load a plan of a bundle's graph for one of its sizes, and free it afterwards."""


@dataclass(frozen=True)
class RefittedEngine:
    """One engine with its new weights."""

    record: EngineRecord
    parities: list[ParityReport]
    """Engine against graph, one for each of its sizes."""


@dataclass(frozen=True)
class RefitReport:
    """What a refit did."""

    bundle: Path
    manifest: Manifest
    wanted: RefitPlan
    engines: list[RefittedEngine]


@dataclass(frozen=True)
class _NewPlan:
    """A plan that passed, not yet in any bundle."""

    record: EngineRecord
    plan: bytes
    parities: list[ParityReport]


def refit_bundle(
    bundle: Bundle,
    load: Callable[[], Packed],
    *,
    open_gpu: Callable[[], EngineGpu],
    parity_frame_count: int | None = None,
    on_stage: OnStage = lambda stage: None,
) -> RefitReport:
    """Replace a bundle's weights, in its graph and in all of its engines.

    Args:
        bundle: Opened, so its files were checked.
        load: Loads the new generator; called once it is known that the engines can be refitted.
        open_gpu: Opens the GPU; called once it is known that the new weights fit.
        parity_frame_count: Sample frames of each comparison; None takes as many as an export.
        on_stage: Called with a few words when a stage begins.

    Raises:
        BackendError: There is no GPU here, or it failed. The message says that the weights would fit.
        EngineBuildError: The new graph is another one, or the library does not take its weights.
        EngineError: An engine of the bundle is not refittable, not whole, or of another machine.
        ExportError: The new generator could not be exported; ParityError also where an engine is not its graph.
        OutputError: The bundle's folder cannot be written or replaced, or its disk has no room.
    """
    engines = refittable_engines(bundle)
    place = bundle.path.resolve()
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    check_disk(place, needed_bytes=size, advice="copy the bundle to another disk")
    with beside(place) as folder:
        options = _export_options(bundle.manifest, parity_frame_count)
        report = export_bundle(_at_size(load(), bundle.manifest), folder / "new", options=options, on_stage=on_stage)
        new = open_bundle(folder / "new")
        on_stage("holding the new graph against the engine's")
        wanted = plan_refit(bundle.graph_path, new.graph_path)
        gpu = _opened(open_gpu, wanted)
        for engine in engines:
            gpu.check(engine, bundle)
        plans = [_new_plan(gpu, engine, new, wanted, report.parity.frame_count, on_stage) for engine in engines]
        on_stage("putting graph and engines in place")
        done = [RefittedEngine(write_engine(new, made.plan, made.record)[1], made.parities) for made in plans]
        carry_over(place, new.path, shipped=set(bundle.manifest.files))
        swap(place, new.path, kept=folder / "old")
    return RefitReport(bundle.path, new.manifest, wanted, done)


def _export_options(manifest: Manifest, parity_frame_count: int | None) -> ExportOptions:
    size = None if manifest.frame.free else manifest.frame.preferred
    return ExportOptions(precision=manifest.precision, size=size, parity_frame_count=parity_frame_count)


def _at_size(packed: Packed, manifest: Manifest) -> Packed:
    """Give a generator the bundle's preferred size, which a graph of free sizes is traced and compared at."""
    preferred = manifest.frame.preferred
    size = (preferred.width, preferred.height)
    if isinstance(packed, PackedStudent):
        return dataclasses.replace(packed, card=dataclasses.replace(packed.card, preferred_size=size))
    return dataclasses.replace(packed, card=dataclasses.replace(packed.card, preferred_size=size))


def _opened(open_gpu: Callable[[], EngineGpu], wanted: RefitPlan) -> EngineGpu:
    try:
        return open_gpu()
    except (BackendError, MissingExtraError) as err:
        raise BackendError(
            f"The new weights fit: {len(wanted.names)} of {len(wanted.names)} matched by name, type and shape, "
            f"{wanted.parameters:,} parameters. Putting them into the engine needs the NVIDIA GPU that runs it, and "
            f"none can be used here ({err}). Nothing was changed. Run the same command on the engine's machine."
        ) from err


def _new_plan(
    gpu: EngineGpu, engine: BuiltEngine, new: Bundle, wanted: RefitPlan, frame_count: int, on_stage: OnStage
) -> _NewPlan:
    """Refit one engine and compare it with the new graph at each of its sizes."""
    name = engine.plan.name
    on_stage(f"replacing {len(wanted.names)} weights of {name}")
    plan = gpu.refitted(engine, new.graph_path, wanted)
    record = dataclasses.replace(
        engine.record,
        library_version=gpu.library_version(engine.record.backend),  # it wrote the plan anew
        graph=graph_hashes(new.manifest),
        flags=engine.record.flags | {"refitted_at": datetime.now(UTC).isoformat(timespec="seconds")},
    )
    parities = []
    for size in record.sizes:
        on_stage(f"proving that {name} computes what the new graph computes at {size}")
        with gpu.running(record, plan, new, size) as run:
            parity = engine_parity(
                run, graph_path=new.graph_path, precision=record.precision, size=size, count=frame_count
            )
        enforce_engine_parity(parity, name=name)
        parities.append(parity)
    return _NewPlan(record, plan, parities)
