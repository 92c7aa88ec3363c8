"""What a run measures beside its rows, each for itself: one that fails leaves its reason, and the rows stay."""

import time
from collections.abc import Sequence

from bench.floors import Floors
from bench.graph_extras import reserved_seconds, size_figures, video_figures
from bench.reasons import reason_from
from bench.report import Report
from bench.row import RowSpec, can_run
from bench.run import USUAL_UTILISATION, Tell
from bench.tables import graph_row
from bench.workload import Workload
from onestep.errors import BackendError

VIDEO, SIZES = "a video, end to end", "other frame sizes"
_INTERRUPTED = "the run was interrupted"
_SHARE = 0.1
"""Of the budget, at most."""


def extras_seconds(workload: Workload, specs: Sequence[RowSpec], floors: Floors) -> float:
    """Return how much of the budget to keep for the extras: nothing where the graph that they need cannot run."""
    spec = next((each for each in specs if _is_of_run(each, workload) and can_run(each, workload)), None)
    if spec is None:
        return 0.0
    floor_ms = floors.floor_ms(spec, workload, flops=spec.flops(workload))
    seconds = _SHARE * workload.settings.budget_seconds
    return reserved_seconds(workload, frame_seconds=floor_ms / 1e3 / USUAL_UTILISATION, seconds=seconds)


def add_extras(report: Report, workload: Workload, tell: Tell, *, end_seconds: float) -> None:
    """Measure the video and the other sizes, and put them, or the reasons why not, into the report.

    Ctrl-C ends the extras and marks the report as interrupted.

    Args:
        report: With its rows; changed in place.
        workload: What the rows worked on.
        tell: Called as the extras go on.
        end_seconds: When they should be over, on the clock of `time.monotonic`.
    """

    for place, (name, measure) in enumerate({VIDEO: _video, SIZES: _sizes}.items()):
        if report.interrupted:
            report.left_out[name] = _INTERRUPTED
            continue
        tell(name, place, 2)
        try:
            measure(report, workload, end_seconds - time.monotonic())
        except KeyboardInterrupt:
            report.interrupted, report.left_out[name] = True, _INTERRUPTED
        except Exception as err:  # of any library: what was measured before is worth more
            report.left_out[name] = reason_from(err)


def _video(report: Report, workload: Workload, seconds: float) -> None:
    backend, frame_seconds = _graph(report, workload)
    report.video = video_figures(workload, backend, frame_seconds=frame_seconds, seconds=seconds / 2)


def _sizes(report: Report, workload: Workload, seconds: float) -> None:
    backend, frame_seconds = _graph(report, workload)
    report.sizes, skipped = size_figures(workload, backend, frame_seconds=frame_seconds, seconds=seconds)
    if skipped:
        report.left_out[SIZES] = "; ".join(skipped)


def _graph(report: Report, workload: Workload) -> tuple[str, float]:
    """Return backend and seconds per frame of the graph that the extras run.

    Raises:
        BackendError: There is none in the run's precision.
    """
    graph, precision = graph_row(report), workload.settings.precision
    if graph is None or graph.timing is None or not graph.name.endswith(f"-{precision}"):
        raise BackendError(f"no {precision} graph was measured in this run")
    backend = graph.name.removeprefix(f"{graph.family}-").removesuffix(f"-{precision}")
    return backend, graph.timing.median_ms / 1e3


def _is_of_run(spec: RowSpec, workload: Workload) -> bool:
    return spec.family == "graph" and spec.precision == workload.settings.precision
