"""A small workload on the tiny base, and a report made by hand."""

from pathlib import Path

import pytest
from bench.report import Report
from bench.row import RowResult
from bench.settings import Settings
from bench.timing import timing_from_samples
from bench.workload import Workload, open_workload

from onestep.frame_size import FrameSize
from onestep.runtime.backends.onnxruntime_cpu import OnnxRuntimeCpuEngine
from onestep.runtime.slots import Slot


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> list[Slot]:
    """A list that takes every slot that an engine on the processor is given back."""
    slots: list[Slot] = []
    monkeypatch.setattr(OnnxRuntimeCpuEngine, "give_back", lambda engine, slot: slots.append(slot))
    return slots


@pytest.fixture(scope="session")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    """The tiny base with random weights at 64x64. Not to be changed."""
    settings = Settings(random_weights=True, size=FrameSize(64, 64), repeats=2, warmup=0, budget_seconds=5)
    return open_workload(settings, tmp_path_factory.mktemp("graphs"))


@pytest.fixture
def report() -> Report:
    """Two rows that ran, one of them in part, and one that did not."""
    graph = RowResult(
        name="graph-onnxruntime-cpu-fp32",
        family="graph",
        label="One-step graph",
        steps=1,
        evaluations=1,
        flops=4_000_000_000,
        floor_ms=40.0,
        steps_timed=1,
        timing=timing_from_samples([100.0, 101.0, 99.0, 100.0, 100.0]),
        first_call_ms=150.0,
        peak_host_bytes=300_000_000,
        stages_ms={"copies": 1.0, "graph": 98.0},
        cold_start={"import": 0.2, "open": 0.3, "first frame": 0.1},
    )
    many = RowResult(
        name="sdedit-50",
        family="sdedit",
        label="SDEdit, 50 steps",
        steps=40,
        evaluations=80,
        flops=160_000_000_000,
        floor_ms=1600.0,
        steps_timed=10,
        timing=timing_from_samples([4000.0]),
        stages_ms={"encoder": 100.0, "unet": 3500.0, "decoder": 200.0},
        marks=["per step x steps (10 of 40 steps timed)"],
    )
    missing = RowResult(
        name="graph-tensorrt-fp16",
        family="graph",
        label="TensorRT",
        steps=1,
        evaluations=1,
        reason="no NVIDIA GPU | here",
    )
    rates = {"matrix_flops_per_second": 100e9, "copy_bytes_per_second": 10e9}
    return Report(
        command="python benchmarks/latency.py",
        settings={"base": "tiny", "size": "64x64", "precision": "fp32", "batch": 1, "device": "cpu"},
        environment={"device": "a processor, 2 threads"},
        rates=rates,
        rates_between=rates,
        rates_count=5,
        rates_start=rates,
        rates_end=rates,
        part_flops={"unet": 1, "total": 2},
        rows=[graph, many, missing],
        video={"size": "64x64", "frames": 50, "engine_fps": 10.0, "end_to_end_fps": 9.7, "ratio": 0.97},
        sizes=[
            {"size": "64x64", "pixels": 4096, "median_ms": 100.0, "fps": 10.0},
            {"size": "128x64", "pixels": 8192, "median_ms": 200.0, "fps": 5.0},
        ],
        seconds=12.0,
    )


@pytest.fixture
def written(report: Report, tmp_path: Path) -> Path:
    """The report's JSON in a file."""
    from bench.report import text_from_report

    path = tmp_path / "latency.json"
    path.write_text(text_from_report(report), encoding="utf-8")
    return path
