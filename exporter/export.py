"""Generator to bundle: convert, trace, fold, write, prove, and only then put in place."""

import json
import platform
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import cast

from onestep.atomic import check_free, whole_folder
from onestep.bundle.folder import GRAPH_NAME, PARITY_NAME, file_record, write_manifest
from onestep.bundle.manifest import FrameSizes, Licences, Manifest, Precision
from onestep.errors import UnknownNameError
from onestep.exporter.flops import flops_per_frame
from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.graph import DATA_SUFFIX, OPSET, FoldedGraph, graph_from_module, tensor_specs, write_graph
from onestep.exporter.parity import ParityReport, check_parity, enforce
from onestep.exporter.precision import DTYPES, generator_in
from onestep.frame_size import FrameSize, checked_multiple
from onestep.training.folder import PackedGenerator

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
    """None compares 32 frames, or 1 where one frame costs more than 100 GFLOP."""
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.precision not in DTYPES:
            raise UnknownNameError("precision", self.precision, DTYPES)


@dataclass(frozen=True)
class ExportReport:
    """What an export made."""

    path: Path
    manifest: Manifest
    folded: FoldedGraph
    parity: ParityReport


def export_bundle(
    packed: PackedGenerator,
    output: Path,
    *,
    options: ExportOptions,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> ExportReport:
    """Export a generator as a bundle.

    The bundle appears at `output` complete and proven, or not at all.

    Args:
        packed: The generator with its base and card.
        output: Folder of the bundle.
        options: Precision, size, and so on.
        on_stage: Called with a few words when a stage begins.

    Raises:
        SettingError: The size is no multiple of the generator's.
        OutputError: `output` exists or cannot be written.
        ExportError: The graph could not be made.
        ParityError: The graph differs from the generator by more than its precision allows.
    """
    size = options.size or FrameSize(*packed.card.preferred_size)
    checked_multiple(size, packed.generator.frame_multiple, what="This generator")
    check_free(output, overwrite=options.overwrite)
    prompt = packed.card.prompt if options.prompt is None else options.prompt
    exact, converted = _modules(packed, prompt, options.precision)
    flops = flops_per_frame(packed.generator, size)
    with whole_folder(output, overwrite=options.overwrite) as folder:
        on_stage("tracing and folding the graph")
        folded = graph_from_module(converted, size=size, free=options.size is None)
        on_stage("writing the graph")
        write_graph(folded.model, folder / GRAPH_NAME, metadata=_metadata(packed, prompt))
        on_stage("proving that the graph computes what the generator computes")
        parity = check_parity(
            exact=exact,
            converted=converted,
            graph_path=folder / GRAPH_NAME,
            precision=options.precision,
            size=size,
            frame_count=options.parity_frame_count or _parity_frame_count(flops["total"]),
        )
        enforce(parity)
        (folder / PARITY_NAME).write_text(json.dumps(parity.as_json(), indent=2) + "\n", encoding="utf-8")
        manifest = _manifest(packed, folder, folded, parity, options=options, size=size, prompt=prompt, flops=flops)
        write_manifest(folder, manifest)
    return ExportReport(output, manifest, folded, parity)


def _modules(packed: PackedGenerator, prompt: str, precision: str) -> tuple[FrameToFrame, FrameToFrame]:
    """Return the frame-to-frame module in float32 and in the graph's precision; for fp32 they are one."""
    embedding = packed.base.prompt_embedding(prompt)
    exact = FrameToFrame(packed.generator, embedding).eval()
    generator = generator_in(precision, packed.generator)
    if generator is packed.generator:
        return exact, exact
    return exact, FrameToFrame(generator, embedding.to(DTYPES[precision])).eval()


def _parity_frame_count(flops: int) -> int:
    return _FEW_FRAMES if flops > _LARGE_NETWORK_FLOPS else _MANY_FRAMES


def _metadata(packed: PackedGenerator, prompt: str) -> dict[str, str]:
    card = packed.card
    return {
        "domain": card.domain,
        "direction": card.direction,
        "prompt": prompt,
        "base": card.base,
        "base_licence": card.base_licence,
        "checkpoint_licence": card.checkpoint_licence,
    }


def _manifest(
    packed: PackedGenerator,
    folder: Path,
    folded: FoldedGraph,
    parity: ParityReport,
    *,
    options: ExportOptions,
    size: FrameSize,
    prompt: str,
    flops: dict[str, int],
) -> Manifest:
    inputs, outputs = tensor_specs(folded.model)
    card = packed.card
    return Manifest(
        domain=card.domain,
        direction=card.direction,
        prompt=prompt,
        base=card.base,
        licences=Licences(base=card.base_licence, checkpoint=card.checkpoint_licence),
        precision=cast(Precision, options.precision),
        frame=FrameSizes(multiple=packed.generator.frame_multiple, preferred=size, free=options.size is None),
        inputs=inputs,
        outputs=outputs,
        opset=OPSET,
        flops_per_frame=flops,
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
        **{name: _version(name) for name in libraries},
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except ModuleNotFoundError:
        return "not installed"
