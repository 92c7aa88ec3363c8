"""What an export costs: seconds of each stage, peak memory, and the graph before and after folding.

python benchmarks/export.py
python benchmarks/export.py --base sd-turbo --random-weights --size 512x512 --precision fp16 --json export.json
"""

import json as json_text
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from bench.command import run_command
from bench.environment import environment
from bench.memory import peak_bytes, restart_peak
from bench.result_files import write_text

from onestep.errors import require
from onestep.frame_size import frame_size_from_text

if TYPE_CHECKING:
    from onestep.exporter.export import ExportReport
    from onestep.training.folder import PackedGenerator


@dataclass
class Stages:
    """A stop watch that is told when a stage begins."""

    names: list[str]
    starts: list[float]

    def begin(self, name: str) -> None:
        """Note that the stage before has ended and this one begins."""
        self.names.append(name)
        self.starts.append(time.perf_counter())

    def seconds(self) -> dict[str, float]:
        """Return how long each stage took; call it when the last has ended."""
        ends = [*self.starts[1:], time.perf_counter()]
        return {name: end - start for name, start, end in zip(self.names, self.starts, ends, strict=True)}


def export(
    base: Annotated[str, typer.Option(help="tiny, sd-turbo, or the folder of a base or generator.")] = "tiny",
    random_weights: Annotated[bool, typer.Option("--random-weights", help="Cost does not depend on weights.")] = False,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT.")] = "512x288",
    precision: Annotated[str, typer.Option(help="fp32 or fp16.")] = "fp16",
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file as JSON.")] = None,
) -> None:
    """Export once and say what it cost. The bundle goes to a temporary folder and is removed."""
    require("torch", extra="export", purpose="measure an export")
    from onestep.training.quiet import quiet_libraries

    found = environment(device="cpu", threads=_threads())
    with quiet_libraries(), tempfile.TemporaryDirectory(prefix="onestep-export-") as folder:
        restart_peak()
        stages = Stages([], [])
        report = _exported(stages, Path(folder) / "bundle", base, random_weights, size, precision)
        figures = _figures(report, stages.seconds(), peak_bytes(), found)
    print(_text(figures))
    if json is not None:
        write_text(json, json_text.dumps(figures, indent=2) + "\n")


def _exported(
    stages: Stages, output: Path, base: str, random_weights: bool, size: str, precision: str
) -> "ExportReport":
    from onestep.exporter.export import ExportOptions, export_bundle

    stages.begin("building the networks" if random_weights else "loading")
    options = ExportOptions(precision=precision, size=frame_size_from_text(size))
    # Handed over without a reference kept here, as `onestep export` does: the networks are let go of one by one.
    return export_bundle(_packed(base, random_weights), output, options=options, on_stage=stages.begin)


def _packed(base: str, random_weights: bool) -> "PackedGenerator":
    from onestep.domains import embedded_generator
    from onestep.training.base import load_base, random_base
    from onestep.training.find_base import EMBEDDED, find_base
    from onestep.training.folder import load_generator
    from onestep.training.untrained import untrained_generator

    if random_weights:
        return untrained_generator(random_base(base, seed=0), prompt="")
    if base == EMBEDDED:
        return load_generator(embedded_generator("day2night"))
    return untrained_generator(load_base(find_base(base)), prompt="")


def _figures(report: "ExportReport", seconds: dict[str, float], peak: int, found: dict[str, str]) -> dict[str, Any]:
    manifest = report.manifest
    return {
        "environment": found,
        "base": manifest.base,
        "precision": manifest.precision,
        "size": str(manifest.frame.preferred),
        "seconds": seconds,
        "seconds_total": sum(seconds.values()),
        "peak_bytes": peak,
        "traced": asdict(report.traced),
        "folded": asdict(report.folded),
        "parity": report.parity.as_json(),
    }


def _text(figures: dict[str, Any]) -> str:
    stages = "\n".join(f"{seconds:8.1f} s  {name}" for name, seconds in figures["seconds"].items())
    traced, folded, parity = figures["traced"], figures["folded"], figures["parity"]
    psnr = parity["graph_to_float32"]["psnr_db"]
    return (
        f"{figures['base']}, {figures['precision']}, {figures['size']}: {figures['environment']['machine']}\n{stages}\n"
        f"{figures['seconds_total']:8.1f} s  together, peak memory {figures['peak_bytes'] / 1e9:.2f} GB\n"
        f"graph: {traced['nodes']:,} nodes and {traced['parameters']:,} parameters traced, {folded['nodes']:,} and "
        f"{folded['parameters']:,} folded, {folded['megabytes']:.1f} MB\n"
        f"parity: {parity['frame_count']} frames of {parity['frame_size'][0]}x{parity['frame_size'][1]}, "
        f"{'equal' if psnr is None else f'{psnr:.1f} dB'}"
    )


def _threads() -> int:
    import torch

    return torch.get_num_threads()


if __name__ == "__main__":
    run_command(export)
