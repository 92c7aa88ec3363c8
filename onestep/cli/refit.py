"""`onestep refit`: new weights in a bundle and its engines, without building them again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onestep.cli.export import require_export_libraries
from onestep.cli.stage import print_stage

if TYPE_CHECKING:
    from onestep.exporter.engines.refit_bundle import RefitReport


def refit(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder; replaced as a whole.", show_default=False)],
    generator: Annotated[
        Path, typer.Option(help="Folder of the new generator, of the same base and LoRA sizes.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Put another generator's weights into a bundle and its engines, without building them again. Needs their GPU.

    The engines must have been built with --refittable. The bundle changes only once everything has passed: the new
    graph against the generator, and each engine against the new graph.
    """
    require_export_libraries("export the new generator")
    from onestep.bundle import open_bundle
    from onestep.exporter.engines.refit_bundle import refit_bundle
    from onestep.exporter.engines.refit_gpu import installed_gpu
    from onestep.training.quiet import quiet_libraries
    from onestep.training.students.load_any import load_any_generator

    with quiet_libraries():
        report = refit_bundle(
            open_bundle(bundle), lambda: load_any_generator(generator), open_gpu=installed_gpu, on_stage=print_stage
        )
    if as_json:
        print(json.dumps(_plain(report), indent=2))
    else:
        _print_report(report)


def _print_report(report: "RefitReport") -> None:
    print(f"{len(report.wanted.names)} weights, {report.wanted.parameters:,} parameters replaced")
    for engine in report.engines:
        for parity in engine.parities:
            figures = parity.graph_to_float32
            print(
                f"{engine.record.plan} at {parity.frame_size}: largest difference from the graph {figures.max_abs}, "
                f"PSNR {figures.psnr_db:.1f} dB over {parity.frame_count} frames"
            )
    print(f"Bundle: {report.bundle}")


def _plain(report: "RefitReport") -> dict[str, Any]:
    import dataclasses

    return {
        "bundle": str(report.bundle),
        "weights": len(report.wanted.names),
        "parameters": report.wanted.parameters,
        "engines": [
            {
                "record": dataclasses.asdict(engine.record),
                "parity": [parity.as_json() for parity in engine.parities],
            }
            for engine in report.engines
        ],
        "manifest": dataclasses.asdict(report.manifest),
    }
