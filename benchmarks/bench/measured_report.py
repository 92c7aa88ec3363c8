"""Settings to report: everything that one run of the table measures."""

import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch

from bench.catalogue import all_rows, chosen_rows
from bench.compile_cache import kernels_in
from bench.environment import environment
from bench.extras import add_extras, extras_seconds
from bench.floors import Floors, matrix_rates
from bench.kept_graphs import check_kept
from bench.quiet import Watch
from bench.rates import Probe
from bench.report import Report
from bench.result_files import check_folder
from bench.row import RowResult, RowSpec, can_run
from bench.run import TableRun, Tell
from bench.settings import Settings
from bench.workload import Workload, check_device, open_workload
from onestep.heap import keep_heap
from onestep.training.quiet import quiet_libraries


def measured_report(settings: Settings, *, tell: Tell, work: Path | None = None) -> Report:
    """Measure everything that the settings ask for.

    Args:
        settings: What to measure.
        tell: Called as the run goes on.
        work: Folder for exported graphs and compiled kernels, kept, and used again with the same base and precision;
            None takes a temporary one.

    Raises:
        OnestepError: The settings cannot be met, or `work` holds graphs of another base.
    """
    check_device(settings.device)
    specs = chosen_rows(all_rows(settings.strength), settings.rows)
    start = time.monotonic()
    found = environment(device=settings.device, threads=settings.thread_count) | {
        "TF32 of PyTorch": "off",
        "freed memory": "kept by the process" if keep_heap() else "as the C library does by default",
    }
    with _folder(work) as folder, _torch_as_asked(settings), kernels_in(folder), quiet_libraries():
        tell("loading the base", 0, len(specs))
        workload = open_workload(settings, folder)
        check_kept(workload, {spec.precision or "" for spec in specs if spec.family == "graph"})
        report = _rows_report(workload, specs, found, start, tell)
        add_extras(report, workload, tell, end_seconds=start + settings.budget_seconds)
    report.seconds = time.monotonic() - start
    return report


def _rows_report(
    workload: Workload, specs: Sequence[RowSpec], found: dict[str, str], start: float, tell: Tell
) -> Report:
    """Measure the rows, between two measurements of the device's rates."""
    settings = workload.settings
    probe = Probe(device=settings.device, dtype=workload.dtype)
    precisions = sorted({spec.precision for spec in specs if spec.precision and can_run(spec, workload)})

    def floors() -> Floors:
        return Floors(probe.best(), matrix_rates(precisions, settings.device))

    first = floors()
    end = start + settings.budget_seconds - extras_seconds(workload, specs, first)
    run = TableRun(workload, probe, first, end_seconds=end, tell=tell)
    watch = Watch()
    rows = run.measure(specs)
    disturbance, interrupted, last = watch.disturbance, run.interrupted, first
    try:
        last = first if interrupted else floors()
    except KeyboardInterrupt:
        interrupted = True
    best = first.better(last)
    for row, spec in zip(rows, specs, strict=True):
        row.floor_ms = best.floor_ms(spec, workload, flops=row.flops)
    return Report(
        command=shlex.join(["python", *sys.argv]),
        settings=_plain(settings, workload),
        environment=found,
        rates=asdict(best.rates),
        rates_between=asdict(between) if (between := probe.median_between) else None,
        rates_count=probe.count_between,
        rates_spread=probe.spread_between,
        matrix_rates=dict(best.matrix_rates),
        stolen_share=disturbance.stolen_share,
        others_share=disturbance.others_share,
        rates_start=asdict(first.rates),
        rates_end=asdict(last.rates),
        part_flops=workload.part_flops,
        rows=rows,
        notes=_notes(settings, rows),
        interrupted=interrupted,
    )


def _plain(settings: Settings, workload: Workload) -> dict[str, object]:
    plain = asdict(settings) | {"size": str(settings.frame_size), "threads": settings.thread_count}
    return plain | {"base": workload.packed.card.base, "rows": list(settings.rows)}


def _notes(settings: Settings, rows: Sequence[RowResult]) -> list[str]:
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
    if any(row.timing and row.peak_host_bytes is None for row in rows):
        notes.append("Peak host memory is not known: this system does not let a process restart its peak.")
    if settings.batch > 1:
        notes.append(f"Times are per frame, of calls with {settings.batch} frames.")
    return notes


@contextmanager
def _folder(work: Path | None) -> Iterator[Path]:
    if work is not None:
        check_folder(work)
        yield work
        return
    with tempfile.TemporaryDirectory(prefix="onestep-latency-") as folder:
        yield Path(folder)


@contextmanager
def _torch_as_asked(settings: Settings) -> Iterator[None]:
    """Give PyTorch its threads, and let it multiply in the run's precision and no other, as the graph backends do."""
    threads, cuda = torch.get_num_threads(), torch.backends.cuda.matmul
    before = cuda.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.set_num_threads(settings.thread_count)
    cuda.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cuda.allow_tf32, torch.backends.cudnn.allow_tf32 = before
