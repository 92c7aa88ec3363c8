"""A whole small run without a graph, and the runtime's own cost on a graph of a few nodes."""

from pathlib import Path

import pytest
import torch
from bench.graph_extras import sweep_sizes
from bench.measured_report import measured_report
from bench.sections import markdown_from_report
from bench.settings import Settings
from bench.video_rate import engine_rate, video_rate, write_clip

import onestep.runtime
from onestep.frame_size import FrameSize
from onestep.runtime.slots import Slot
from tests.runtime.bundles import SMALL, make_bundle


def test_a_small_run() -> None:
    threads = torch.get_num_threads()
    settings = Settings(
        random_weights=True, size=FrameSize(32, 32), rows=("eager", "consistency"), repeats=2, budget_seconds=2000
    )
    report = measured_report(settings, tell=lambda *_: None)
    assert torch.get_num_threads() == threads
    assert [(row.name, row.reason) for row in report.rows] == [("eager", None), ("consistency-4", None)]
    eager, many = report.rows
    assert eager.timing is not None and many.timing is not None
    assert (eager.timing.count, many.evaluations) == (2, 4)
    assert set(eager.stages_ms) == {"encoder", "unet", "decoder"}
    assert eager.flops == report.part_flops["total"]
    assert report.rates["matrix_flops_per_second"] > 0
    assert report.video == {} and report.sizes == []
    assert "Weights of the base: random" in markdown_from_report(report)


def test_the_runtimes_own_cost(tmp_path: Path, given_back: list[Slot]) -> None:
    clip = write_clip(tmp_path / "clip.mp4", size=SMALL, frames=40)
    with onestep.runtime.open(make_bundle(tmp_path / "bundle")) as session:
        given_back.clear()
        assert engine_rate(session, frames=1) > 0
        assert len(given_back) == session.engine.depth, "on a GPU a slot's memory is freed with the engine only"
        rate = video_rate(session, clip, tmp_path / "out.mp4", engine_frames=10)
    assert rate.frames == 40
    assert 0 < rate.ratio == pytest.approx(rate.end_to_end_fps / rate.engine_fps)
    assert rate.growth_bytes < 100e6


def test_sizes_of_the_sweep_are_multiples() -> None:
    sizes = sweep_sizes(FrameSize(512, 288), 32)
    assert [str(size) for size in sizes] == ["256x160", "384x224", "512x288", "768x448"]
