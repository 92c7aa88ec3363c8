"""`onestep build`: an engine from a bundle's graph, put into the bundle."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from onestep.cli.progress import shown_progress
from onestep.cli.stage import print_stage
from onestep.errors import OnestepError, require
from onestep.frame_size import FrameSize, frame_size_from_text
from onestep.tensorrt_library import TENSORRT_RTX, tensorrt_library

if TYPE_CHECKING:
    from onestep.bundle import Bundle
    from onestep.exporter.engines.build import BuildGpu, BuildReport
    from onestep.exporter.engines.options import BuildOptions, HardwareCompatibility


def build(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder; the engine is put into it.", show_default=False)],
    backend: Annotated[str, typer.Option(help="tensorrt, or tensorrt-rtx, which needs no GPU here.")] = TENSORRT_RTX,
    size: Annotated[
        list[str] | None,
        typer.Option(help="WIDTHxHEIGHT; several for several.", show_default="the bundle's preferred size"),
    ] = None,
    optimization_level: Annotated[int | None, typer.Option(min=0, max=5, help="How hard to search.")] = None,
    workspace: Annotated[int | None, typer.Option(min=1, help="Most MiB that one layer may use.")] = None,
    timing_cache: Annotated[Path | None, typer.Option(help="File of measured tactics (tensorrt only).")] = None,
    aux_streams: Annotated[int | None, typer.Option(min=0, help="Streams beside the main one.")] = None,
    hardware_compatibility: Annotated[
        str, typer.Option(help="none, ampere_plus or same_compute_capability (tensorrt only).")
    ] = "none",
    version_compatible: Annotated[bool, typer.Option(help="Let later releases of the library read it.")] = False,
    refittable: Annotated[bool, typer.Option(help="Let the weights be replaced later.")] = False,
    builds: Annotated[
        int, typer.Option(min=1, help="Build so often and keep the fastest; Ctrl-C keeps that so far. Needs a GPU.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the engine's record as JSON.")] = False,
) -> None:
    """Build a TensorRT engine from a bundle's graph, prove what it computes in, and record how it was made.

    The bundle then runs with `onestep run-video --bundle BUNDLE --backend tensorrt-rtx`.
    """
    library = tensorrt_library(backend)
    library.load(purpose="build an engine")
    for name in ("onnx", "onnxscript"):
        require(name, extra="export", purpose="build an engine")
    from onestep.bundle import open_bundle
    from onestep.exporter.engines.options import BuildOptions

    options = BuildOptions(
        backend=library.name,
        sizes=tuple(frame_size_from_text(text) for text in size or ()),
        optimization_level=optimization_level,
        workspace_mib=workspace,
        timing_cache=timing_cache,
        aux_streams=aux_streams,
        hardware_compatibility=cast("HardwareCompatibility", hardware_compatibility),
        version_compatible=version_compatible,
        refittable=refittable,
        builds=builds,
    )
    report = built_engine(open_bundle(bundle), options)
    if as_json:
        print(json.dumps({"plan": str(report.plan), "record": dataclasses.asdict(report.record)}, indent=2))
    else:
        print_engine(report)


def built_engine(bundle: "Bundle", options: "BuildOptions") -> "BuildReport":
    """Build an engine with progress on stderr.

    Raises:
        OnestepError: As `onestep.exporter.engines.build.build_engine`; also no GPU where the library needs one.
    """
    from onestep.exporter.engines.build import build_engine
    from onestep.exporter.engines.options import profile_sizes

    gpu = _gpu(options.backend)
    size = profile_sizes(options, bundle.manifest)[0]
    with shown_progress("steps") as tell:
        return build_engine(
            bundle,
            options=options,
            gpu=gpu,
            measure=_timer(bundle, options, size) if gpu is not None else None,
            on_stage=print_stage,
            tell=tell,
        )


def _gpu(backend: str) -> "BuildGpu | None":
    """Describe this machine's GPU for the engine's record; None without one, where the library needs none."""
    from onestep.exporter.engines.build import BuildGpu
    from onestep.runtime.cuda.calls import open_cuda
    from onestep.runtime.cuda.device import first_gpu

    try:
        gpu = first_gpu(open_cuda(for_backend=f"onestep build with {backend}"))
    except OnestepError as err:
        if not tensorrt_library(backend).is_rtx:
            raise
        print(f"{backend} builds without a GPU; nothing will be timed. {err}", file=sys.stderr)
        return None
    return BuildGpu(gpu.name, gpu.compute_capability, gpu.driver, gpu.cuda)


def _timer(bundle: "Bundle", options: "BuildOptions", size: FrameSize) -> Callable[[bytes], float]:
    """Return what measures a plan on this machine, at the first of its sizes."""
    from onestep.runtime.backends.tensorrt_timing import plan_latency_ms

    return lambda plan: plan_latency_ms(
        plan, bundle=bundle, backend=options.backend, size=size, trusted_host_code=options.version_compatible
    )


def print_engine(report: "BuildReport") -> None:
    """Print what an engine computes in, how it was made, and where it is."""
    from rich.console import Console

    record, console = report.record, Console()
    console.print(_layer_table(record.proof["layers"]))
    console.print(
        f"Convolutions {_counts(record.proof['network'].get('convolution', {}))}; "
        f"matrix products {_counts(record.proof['network'].get('matrix product', {}))}; "
        f"fused attentions {record.proof['fused_attention_count']} of {record.proof['softmax_count']}; "
        f"proven on the {record.proof['proven_on']}",
        soft_wrap=True,
    )
    console.print(
        f"{record.backend} {record.library_version}, for {', '.join(record.profiles)}, GPU "
        f"{record.compute_capability}; {record.plan_bytes / 1e6:.1f} MB, built in {record.build_seconds:.1f} s, "
        f"peak memory {record.peak_memory_mib:.0f} MiB",
        soft_wrap=True,
    )
    print(f"Engine: {report.plan}")


def _layer_table(layers: dict[str, dict[str, int]]) -> Any:
    from rich.table import Table

    dtypes = sorted({dtype for counts in layers.values() for dtype in counts})
    table = Table("layer", *dtypes, title="Layers by the type of their result")
    for kind, counts in layers.items():
        table.add_row(kind.lower(), *(str(counts.get(dtype, "")) for dtype in dtypes))
    return table


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {dtype}" for dtype, count in counts.items()) or "none"
