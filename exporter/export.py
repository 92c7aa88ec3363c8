"""Generator to bundle: convert, trace, fold, write, prove, and only then put in place."""

import dataclasses
import json
import platform
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from onestep.atomic import check_disk, check_free, whole_folder
from onestep.bundle.folder import GRAPH_NAME, MANIFEST_NAME, PARITY_NAME, file_record, write_manifest
from onestep.bundle.manifest import FrameSizes, Licences, Manifest, Precision, TensorSpec
from onestep.domains import seen_condition
from onestep.errors import SettingError, UnknownNameError
from onestep.exporter.compact import store_as_halves
from onestep.exporter.extra_inputs import PROOF_STRENGTHS
from onestep.exporter.flops import flops_per_frame
from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.graph import DATA_SUFFIX, OPSET, GraphCount, graph_from_module, tensor_specs, write_graph
from onestep.exporter.half_range import Overflow, RangeRecorder, kept_in_float32
from onestep.exporter.int8 import INT8, MOST_BYTES, Int8Report, calibration_frames, quantise_graph
from onestep.exporter.parity import ParityReport, check_parity, enforce
from onestep.exporter.precision import DTYPES, generator_in, graph_bytes
from onestep.exporter.samples import Frame, Sample, exact_samples, with_converted
from onestep.frame_size import FrameSize, checked_multiple
from onestep.library_versions import installed_version
from onestep.training.folder import GeneratorCard, PackedGenerator
from onestep.training.stochastic import StochasticGenerator
from onestep.training.students.folder import PackedStudent, StudentCard
from onestep.training.students.from_bundle import LEARNT_FROM_KEY, STREAKS_KEY

_MANY_FRAMES, _FEW_FRAMES = 32, 1
_LARGE_NETWORK_FLOPS = 100e9


@dataclass(frozen=True)
class ExportOptions:
    """How a generator is exported."""

    precision: str = "fp32"
    size: FrameSize | None = None
    """The only frame size of the graph; None leaves height and width free."""
    prompt: str | None = None
    """Replaces the generator's own prompt."""
    parity_frame_count: int | None = None
    """None compares 32 frames; where one costs more than 100 GFLOP, 1, and 4 of a stochastic generator."""
    calibration: Path | None = None
    """Folder of pictures that int8 takes its ranges from; None takes rendered day scenes."""
    compact: bool = False
    """Store weights that float16 holds exactly in half the room (`exporter.compact`); for fp32."""
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.precision not in (*DTYPES, INT8):
            raise UnknownNameError("precision", self.precision, (*DTYPES, INT8))
        if self.compact and self.precision != "fp32":
            raise SettingError(
                f"Compact storage is for the weights of an fp32 graph, and the precision is {self.precision}. Leave "
                "one of them out."
            )
        if self.calibration is not None and self.precision != INT8:
            raise SettingError(
                f"Calibration is for int8, and the precision is {self.precision}. Leave one of them out."
            )


@dataclass(frozen=True)
class ExportReport:
    """What an export made."""

    path: Path
    manifest: Manifest
    traced: GraphCount
    """The graph before its constants were folded."""
    folded: GraphCount
    """The graph in the bundle."""
    parity: ParityReport
    overflows: list[Overflow]
    """Modules that half precision cannot hold, and what stays float32 for each."""
    int8: Int8Report | None
    """What quantisation did; None in another precision."""
    saved_bytes: int
    """By compact storage."""


@dataclass(frozen=True)
class _Job:
    """What is known of an export when the networks are gone."""

    card: GeneratorCard | StudentCard
    options: ExportOptions
    size: FrameSize
    prompt: str
    multiple: int
    flops: dict[str, int]
    fewest_samples: int
    """That show every way in which the generator is used."""

    @property
    def seen(self) -> str:
        """Condition of the rendered scenes that stand for what the network will see."""
        return seen_condition(self.card.domain)

    @property
    def sample_count(self) -> int:
        many = _MANY_FRAMES if self.flops["total"] <= _LARGE_NETWORK_FLOPS else _FEW_FRAMES
        return self.options.parity_frame_count or max(many, self.fewest_samples)


def export_bundle(
    packed: PackedGenerator | PackedStudent,
    output: Path,
    *,
    options: ExportOptions,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> ExportReport:
    """Export a generator as a bundle.

    The bundle appears at `output` complete and proven, or not at all. A caller that keeps no reference to `packed`
    needs about half the memory: the networks are let go of one after the other.

    Args:
        packed: The generator with its base and card.
        output: Folder of the bundle.
        options: Precision, size, and so on.
        on_stage: Called with a few words when a stage begins.

    Raises:
        SettingError: The size is no multiple of the generator's.
        OutputError: `output` exists, cannot be written, or its disk has no room for it.
        ExportError: The graph could not be made.
        ParityError: The graph differs from the generator by more than its precision allows.
    """
    job = _job(packed, options)
    calibration = _calibration(packed, job) if options.precision == INT8 else []
    check_free(output, overwrite=options.overwrite, marker=MANIFEST_NAME)
    check_disk(output, needed_bytes=graph_bytes(packed.generator, options.precision))
    with whole_folder(output, overwrite=options.overwrite, marker=MANIFEST_NAME) as folder:
        on_stage("computing what the generator computes")
        module, samples, overflows = _proven_module(packed, job)
        del packed
        on_stage("tracing and folding the graph")
        graph = graph_from_module(module, size=job.size, free=options.size is None)
        del module
        saved = store_as_halves(graph.model) if options.compact else 0
        on_stage("writing the graph")
        write_graph(graph.model, folder / GRAPH_NAME, metadata=_metadata(job))
        traced, folded, tensors = graph.before, graph.after, tensor_specs(graph.model)
        del graph
        int8 = None
        if options.precision == INT8:
            on_stage("computing in 8 bits what can be, and timing it")
            int8 = quantise_graph(folder / GRAPH_NAME, calibration, samples)
        on_stage("proving that the graph computes what the generator computes")
        parity = check_parity(samples, graph_path=folder / GRAPH_NAME, precision=options.precision)
        enforce(parity)
        proof = {**parity.as_json(), "float32_for_range": [dataclasses.asdict(overflow) for overflow in overflows]}
        if int8 is not None:
            proof["int8"] = dataclasses.asdict(int8)
        (folder / PARITY_NAME).write_text(json.dumps(proof, indent=2) + "\n", encoding="utf-8")
        manifest = _manifest(job, folder, tensors, parity)
        write_manifest(folder, manifest)
    return ExportReport(output, manifest, traced, folded, parity, overflows, int8, saved)


def _calibration(packed: PackedGenerator | PackedStudent, job: _Job) -> list[Frame]:
    if isinstance(packed.generator, StochasticGenerator):
        raise SettingError(
            f"The generator of {job.card.domain} takes a noise and a strength beside the frame, and int8 is for those "
            "that take a frame alone. Export with --precision fp32 or fp16."
        )
    size = graph_bytes(packed.generator, INT8)
    if size > MOST_BYTES:
        raise SettingError(
            f"The weights of {job.card.domain} take {size / 1e9:.1f} GB in float32, and int8 is for at most "
            f"{MOST_BYTES / 1e9:.1f} GB. Export with --precision fp16, or make a student of it: onestep distill."
        )
    return calibration_frames(job.options.calibration, job.size, condition=job.seen)


def _job(packed: PackedGenerator | PackedStudent, options: ExportOptions) -> _Job:
    size = options.size or FrameSize(*packed.card.preferred_size)
    checked_multiple(size, packed.generator.frame_multiple, what="This generator")
    return _Job(
        card=packed.card,
        options=options,
        size=size,
        prompt=packed.card.prompt if options.prompt is None else options.prompt,
        multiple=packed.generator.frame_multiple,
        flops=flops_per_frame(packed.generator, size),
        fewest_samples=len(PROOF_STRENGTHS) if isinstance(packed.generator, StochasticGenerator) else _FEW_FRAMES,
    )


def _proven_module(
    packed: PackedGenerator | PackedStudent, job: _Job
) -> tuple[FrameToFrame, list[Sample], list[Overflow]]:
    """Return the module to trace, what it and the float32 one compute, and what had to stay float32 in it."""
    embedding = packed.base.prompt_embedding(job.prompt)
    exact = FrameToFrame(packed.generator, embedding).eval()
    precision = job.options.precision
    if precision in ("fp32", INT8):  # the graph itself is quantised, not the module
        return exact, exact_samples(exact, job.size, job.sample_count, condition=job.seen), []
    recorder = RangeRecorder(packed.generator)
    with recorder.recording():
        samples = exact_samples(exact, job.size, job.sample_count, condition=job.seen)
    overflows = recorder.overflows()
    generator = generator_in(precision, packed.generator, float32=kept_in_float32(overflows))
    module = FrameToFrame(generator, embedding.to(DTYPES[precision])).eval()
    return module, with_converted(samples, module), overflows


def _metadata(job: _Job) -> dict[str, str]:
    card = job.card
    return {
        "domain": card.domain,
        "direction": card.direction,
        "prompt": job.prompt,
        "base": card.base,
        "base_licence": card.base_licence,
        "checkpoint_licence": card.checkpoint_licence,
        **({LEARNT_FROM_KEY: card.data, STREAKS_KEY: repr(card.streaks)} if isinstance(card, StudentCard) else {}),
    }


def _manifest(
    job: _Job, folder: Path, tensors: tuple[list[TensorSpec], list[TensorSpec]], parity: ParityReport
) -> Manifest:
    card, is_free = job.card, job.options.size is None
    inputs, outputs = tensors
    return Manifest(
        domain=card.domain,
        direction=card.direction,
        prompt=job.prompt,
        base=card.base,
        licences=Licences(base=card.base_licence, checkpoint=card.checkpoint_licence),
        precision=cast(Precision, job.options.precision),
        frame=FrameSizes(multiple=job.multiple, preferred=job.size, free=is_free),
        inputs=inputs,
        outputs=outputs,
        opset=OPSET,
        flops_per_frame=job.flops,
        files={name: file_record(folder / name) for name in (GRAPH_NAME, GRAPH_NAME + DATA_SUFFIX, PARITY_NAME)},
        parity=parity.as_json()["graph_to_float32"],
        made=_made(),
    )


def _made() -> dict[str, str]:
    libraries = ("onestep", "torch", "diffusers", "transformers", "onnx", "onnxscript", "onnxruntime", "numpy")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        **{name: installed_version(name) or "not installed" for name in libraries},
    }
