"""Settings to report: everything that one run of the table measures."""

import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch

from bench.catalogue import all_rows, chosen_rows
from bench.environment import environment
from bench.graph_extras import size_figures, video_figures
from bench.quiet import StolenTime
from bench.rates import Probe
from bench.report import Report
from bench.row import RowResult
from bench.run import TableRun, Tell
from bench.settings import Settings
from bench.tables import graph_row
from bench.workload import Workload, check_device, open_workload
from onestep.exporter.quiet import quiet_libraries

_EXTRAS_SHARE = 0.2
"""Of the budget, for the video and the other frame sizes."""


def measured_report(settings: Settings, *, tell: Tell, work: Path | None = None) -> Report:
    """Measure everything that the settings ask for.

    Args:
        settings: What to measure.
        tell: Called as the run goes on.
        work: Folder for exported graphs, kept, and used again with the same base, size and precision; None takes a
            temporary one.

    Raises:
        OnestepError: The settings cannot be met.
    """
    check_device(settings.device)
    specs = chosen_rows(all_rows(settings.strength), settings.rows)
    start = time.monotonic()
    found = environment(device=settings.device, threads=settings.thread_count)
    with _folder(work) as folder, _threads(settings.thread_count), quiet_libraries():
        tell("loading the base", 0, len(specs))
        workload = open_workload(settings, folder)
        probe = Probe(device=settings.device, dtype=workload.dtype)
        first = probe.best()
        end = start + settings.budget_seconds
        rows_end = end - (_EXTRAS_SHARE * settings.budget_seconds if any(s.family == "graph" for s in specs) else 0.0)
        run = TableRun(workload, probe, first, end_seconds=rows_end, tell=tell)
        stolen = StolenTime()
        rows = run.measure(specs)
        stolen_share = stolen.share
        last = probe.best()
        best = first.better(last)
        report = Report(
            command=shlex.join(["python", *sys.argv]),
            settings=_plain(settings, workload),
            environment=found,
            rates=asdict(best),
            rates_between=asdict(between) if (between := probe.median_between) else None,
            rates_count=probe.count_between,
            rates_spread=probe.spread_between,
            stolen_share=stolen_share,
            rates_start=asdict(first),
            rates_end=asdict(last),
            part_flops=workload.part_flops,
            rows=rows,
            notes=_notes(settings),
            interrupted=run.interrupted,
        )
        for row, spec in zip(rows, specs, strict=True):
            traffic = spec.weight_bytes(workload) * max(spec.steps, 1)
            row.floor_ms = best.floor_ms(flops=row.flops, traffic_bytes=traffic)
        if not run.interrupted:
            _add_extras(report, workload, tell, seconds=max(end - time.monotonic(), 0.0))
    report.seconds = time.monotonic() - start
    return report


def _add_extras(report: Report, workload: Workload, tell: Tell, *, seconds: float) -> None:
    graph = graph_row(report)
    if graph is None or not graph.name.endswith(f"-{workload.settings.precision}"):
        return
    backend, frame_seconds = _backend(graph), graph.timing.median_ms / 1e3 if graph.timing else 0.0
    tell("a video, end to end", 0, 2)
    report.video = video_figures(workload, backend, frame_seconds=frame_seconds, seconds=seconds / 2)
    tell("other frame sizes", 1, 2)
    report.sizes = size_figures(workload, backend, frame_seconds=frame_seconds, seconds=seconds / 2)


def _backend(graph: RowResult) -> str:
    return graph.name.removeprefix("graph-").rsplit("-", 1)[0]


def _plain(settings: Settings, workload: Workload) -> dict[str, object]:
    plain = asdict(settings) | {"size": str(settings.frame_size), "threads": settings.thread_count}
    return plain | {"base": workload.packed.card.base, "rows": list(settings.rows)}


def _notes(settings: Settings) -> list[str]:
    weights = "random" if settings.random_weights else "the base's own"
    notes = [
        f"Weights of the base: {weights}. Those of ControlNet, T2I-Adapter, InstructPix2Pix's first layer and CycleGAN "
        "are untrained: times do not depend on the values of weights.",
        "Every row takes bytes in host memory and gives bytes in host memory. No row encodes its prompt per frame.",
        "UNet evaluations of PyTorch rows were counted by a hook on the UNet; guidance makes two or three of a step.",
        "Operations are those of the networks in PyTorch. A graph needs 4/9 of them where it convolves behind an "
        "upsampling, about a tenth less for a frame of SD-Turbo's size; its floor and utilisation count them all.",
        "Peak memory of a row: its own networks and working memory, and the weights that it shares with other rows.",
    ]
    if settings.batch > 1:
        notes.append(f"Times are per frame, of calls with {settings.batch} frames.")
    return notes


@contextmanager
def _folder(work: Path | None) -> Iterator[Path]:
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
        yield work
        return
    with tempfile.TemporaryDirectory(prefix="onestep-latency-") as folder:
        yield Path(folder)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
