"""Extras leave the rows alone: what fails or is interrupted has a reason, and no time is kept for what cannot run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import extras
from bench.catalogue import all_rows
from bench.extras import SIZES, VIDEO, add_extras, extras_seconds
from bench.floors import Floors
from bench.graph_extras import reserved_seconds, timed_in_turn, video_figures
from bench.rates import Rates
from bench.report import Report
from bench.workload import Workload

import onestep.runtime
from onestep.errors import BackendError
from tests.runtime.bundles import make_bundle

FLOORS = Floors(Rates(100e9, 10e9))


def failing(error: BaseException) -> Callable[..., Any]:
    """Return an extra that does not work."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_an_extra_that_fails_leaves_its_reason(
    report: Report, workload: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.video, report.sizes = {}, []
    monkeypatch.setattr(extras, "video_figures", failing(RuntimeError("no codec\nmore")))
    monkeypatch.setattr(extras, "size_figures", lambda *_, **__: ([{"size": "32x32"}], ["64x64: no engine"]))
    add_extras(report, workload, lambda *_: None, end_seconds=0.0)
    assert report.left_out == {VIDEO: "RuntimeError: no codec", SIZES: "64x64: no engine"}
    assert report.sizes == [{"size": "32x32"}] and not report.interrupted


def test_ctrl_c_in_an_extra_keeps_the_rows(report: Report, workload: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "video_figures", failing(KeyboardInterrupt()))
    add_extras(report, workload, lambda *_: None, end_seconds=0.0)
    assert report.interrupted and len(report.rows) == 3
    assert report.left_out == {VIDEO: "the run was interrupted", SIZES: "the run was interrupted"}


def test_without_a_graph_the_extras_say_so(report: Report, workload: Workload) -> None:
    report.rows = report.rows[1:]
    add_extras(report, workload, lambda *_: None, end_seconds=0.0)
    assert report.left_out[VIDEO] == "no fp32 graph was measured in this run"


def test_a_video_that_does_not_fit_says_what_would(workload: Workload) -> None:
    with pytest.raises(
        BackendError, match="24 frames of 2.0 s, .* do not fit into the 3 s that are left for it; raise"
    ):
        video_figures(workload, "onnxruntime-cpu", frame_seconds=2.0, seconds=3.0)


def test_no_time_is_kept_for_extras_that_cannot_run(workload: Workload) -> None:
    rows = {row.name: row for row in all_rows(0.8)}
    assert extras_seconds(workload, [rows["eager"]], FLOORS) == 0.0
    assert extras_seconds(workload, [rows["graph-tensorrt-fp32"]], FLOORS) == 0.0, "it is of another device"
    graph = rows["graph-onnxruntime-cpu-fp32"]
    assert 0.0 < extras_seconds(workload, [graph], FLOORS) <= 0.1 * workload.settings.budget_seconds
    two = replace(workload, settings=replace(workload.settings, batch=2))
    assert extras_seconds(two, [graph], FLOORS) == 0.0


def test_time_is_kept_for_what_fits(workload: Workload) -> None:
    assert reserved_seconds(workload, frame_seconds=100.0, seconds=20.0) == 0.0
    assert 10.0 < reserved_seconds(workload, frame_seconds=0.01, seconds=20.0) <= 20.0


def test_two_sessions_take_turns(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "bundle")
    with onestep.runtime.open(path) as one, onestep.runtime.open(path) as other:
        timing, reference = timed_in_turn(one, other, repeats=3)
    assert timing.count == reference.count == 3
    starts = [at for pair in zip(reference.at_seconds, timing.at_seconds, strict=True) for at in pair]
    assert starts == sorted(starts)
