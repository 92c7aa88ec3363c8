"""`onestep export`: a generator becomes a bundle with one ONNX graph."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from onestep.atomic import check_free
from onestep.bundle.folder import MANIFEST_NAME
from onestep.cli.choose_generator import GeneratorChoice, loaded_generator
from onestep.cli.export_engine import EngineOption, check_buildable, engine_backend, engine_of_export
from onestep.cli.int8_text import int8_plain, int8_text
from onestep.cli.stage import print_stage
from onestep.errors import require
from onestep.frame_size import frame_size_from_text

if TYPE_CHECKING:
    from onestep.exporter.export import ExportReport
    from onestep.exporter.graph import GraphCount


def export(
    domain: Annotated[str | None, typer.Option(help="A known translation; see `onestep domains`.")] = None,
    generator: Annotated[
        Path | None, typer.Option(help="A merged generator's folder, instead of --domain.", show_default=False)
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Trained weights: a published .pkl or a .safetensors.", show_default=False),
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="tiny, tiny-student, sd-turbo, or a folder.", show_default="the checkpoint's own")
    ] = None,
    download: Annotated[
        bool,
        typer.Option(help="Get the base and a published checkpoint that are not here. This accepts their licences."),
    ] = False,
    direction: Annotated[
        Literal["a2b", "b2a"] | None, typer.Option(help="Which way, where the checkpoint has both.")
    ] = None,
    precision: Annotated[str, typer.Option(help="Types of the graph: fp32, fp16, or int8 for processors.")] = "fp32",
    size: Annotated[
        str | None,
        typer.Option(help="The graph's only frame size, WIDTHxHEIGHT. Without it, height and width stay free."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="What to say to the model.", show_default="the domain's or the generator's own")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures like those to come, for int8.", show_default="rendered scenes"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the bundle.", show_default="DOMAIN-PRECISION.bundle"),
    ] = None,
    compact: Annotated[
        bool,
        typer.Option(help="Store weights that float16 holds exactly in half the room; nothing else changes. For fp32."),
    ] = False,
    parity_frames: Annotated[
        int | None,
        typer.Option(min=1, help="Frames of the parity proof.", show_default="32; large ones 1, stochastic 4"),
    ] = None,
    engine: EngineOption = "none",
    overwrite: Annotated[bool, typer.Option(help="Replace a bundle that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Export a generator as a bundle: one ONNX graph, uint8 frame in, uint8 frame out, with its proof.

    The bundle runs with `onestep run-video --bundle`.
    """
    frame_size = frame_size_from_text(size) if size else None
    choice = GeneratorChoice(domain, generator, checkpoint, base, direction, prompt, download, frame_size)
    require_export_libraries("export a generator")
    backend = engine_backend(engine)
    from onestep.exporter.export import ExportOptions, export_bundle
    from onestep.training.quiet import quiet_libraries

    options = ExportOptions(
        precision=precision,
        size=frame_size,
        prompt=prompt,
        parity_frame_count=parity_frames,
        calibration=calibration,
        compact=compact,
        overwrite=overwrite,
    )
    known = output or (Path(_bundle_name(domain, precision)) if domain else None)
    if known is not None:
        check_free(known, overwrite=overwrite, marker=MANIFEST_NAME)
    with quiet_libraries():
        packed = [loaded_generator(choice)]
        card = packed[0].card
        check_buildable(card, precision, backend)
        print(f"Licences: base {card.base_licence}; weights {card.checkpoint_licence}", file=sys.stderr)
        target = output or Path(_bundle_name(card.domain, precision))
        # Popped, so that no reference stays here: the networks' memory is free as soon as the export is done with them.
        report = export_bundle(packed.pop(), target, options=options, on_stage=print_stage)
    if not as_json:
        _print_report(report)
    outcome = engine_of_export(report.path, backend)
    if as_json:
        print(json.dumps(_plain(report) | outcome.plain(), indent=2))
    outcome.finish(show=not as_json)


def require_export_libraries(purpose: str) -> None:
    """Import all that an export uses up to its proof, so that it does not end half-way.

    Args:
        purpose: What the libraries are needed for, to stand after "needed to".

    Raises:
        MissingExtraError: One is not installed; names the pip command.
    """
    for library in ("torch", "diffusers", "transformers", "safetensors", "onnx", "onnxscript"):
        require(library, extra="export", purpose=purpose)
    require("onnxruntime", extra="cpu", purpose="prove that the graph computes what the generator computes")


def _bundle_name(domain: str, precision: str) -> str:
    return f"{domain}-{precision}.bundle"


def _print_report(report: "ExportReport") -> None:
    from rich.console import Console
    from rich.table import Table

    console, manifest, parity = Console(), report.manifest, report.parity
    console.print(_folding_table(report.traced, report.folded))
    table = Table("compared", "largest", "over 1", "over 3", "PSNR dB", title=f"Parity on {parity.frame_count} frames")
    rows = {
        f"torch {parity.precision} / torch fp32": parity.torch_to_float32,
        f"graph / torch {parity.precision}": parity.graph_to_torch,
        "graph / torch fp32": parity.graph_to_float32,
    }
    for name, row in rows.items():
        if row is not None:
            over = (f"{share:.3%}" for share in (row.share_over_1, row.share_over_3))
            table.add_row(name, str(row.max_abs), *over, f"{row.psnr_db:.1f}")
    console.print(table)
    for overflow in report.overflows:
        reason = f"{overflow.module} reaches {overflow.largest:.3g}, too much for half precision"
        console.print(f"{overflow.kept} stays float32: {reason}")
    if report.int8 is not None:
        console.print(int8_text(report.int8, parity))
    if report.saved_bytes:
        console.print(f"Stored as float16 without loss: {report.saved_bytes / 1e6:.2f} MB saved")
    gflop = {part: count / 1e9 for part, count in manifest.flops_per_frame.items()}
    console.print(f"GFLOP per {manifest.frame.preferred} frame: " + ", ".join(f"{k} {v:.2f}" for k, v in gflop.items()))
    print(f"Licences: base {manifest.licences.base}; weights {manifest.licences.checkpoint}")
    print(f"Bundle: {report.path}")  # as it is: brackets and colons in names are no markup


def _folding_table(before: "GraphCount", after: "GraphCount") -> Any:
    from rich.table import Table

    table = Table("graph", "nodes", "parameters", "MB", title="Constants folded")
    for name, graph in (("as traced", before), ("folded", after)):
        table.add_row(name, f"{graph.nodes:,}", f"{graph.parameters:,}", f"{graph.megabytes:.2f}")
    return table


def _plain(report: "ExportReport") -> dict[str, Any]:
    import dataclasses

    return {
        "bundle": str(report.path),
        "float32_for_range": [dataclasses.asdict(overflow) for overflow in report.overflows],
        "int8": None if report.int8 is None else int8_plain(report.int8, report.parity),
        "folding": {
            "before": dataclasses.asdict(report.traced),
            "after": dataclasses.asdict(report.folded),
        },
        "saved_bytes": report.saved_bytes,
        "parity": report.parity.as_json(),
        "manifest": dataclasses.asdict(report.manifest),
    }
