"""`make gpu-check` as far as a machine without a GPU runs it, and what is said of figures that it would measure."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from onestep.bundle import open_bundle
from onestep.frame_size import FrameSize
from onestep.runtime.cuda.calls import Cuda, why_no_cuda
from onestep.runtime.cuda.device import Gpu
from onestep.runtime.cuda.timeline import TimelineSummary
from scripts import gpu_check, gpu_rows
from scripts.gpu_rows import CheckedBundle, Row, measured_row, timeline_of
from tests.runtime.bundles import SMALL, make_bundle
from tests.runtime.fake_cuda import FakeCudaRuntime
from tests.runtime.test_cuda_frame_engine import engine_on

ROOT = Path(__file__).parents[2]
GPU = Gpu("NVIDIA H100 PCIe", "9.0", 81559, "580.65.06", "13.0")
GOOD = TimelineSummary(100, 0.03, 10.0, 0.03, 0.99, 0.98)


@pytest.mark.parametrize("arguments", [[], ["--look"]])
def test_without_a_gpu_it_says_so(arguments: list[str]) -> None:
    if why_no_cuda() is None:
        pytest.skip("this machine has a GPU")
    command = [sys.executable, "-m", "scripts.gpu_check", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: gpu-check cannot run here: no NVIDIA driver was found. Run it on a machine with an NVIDIA GPU and its "
        "driver.\n"
    )


def test_looking_describes_the_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(gpu_check, "open_cuda", lambda **_: Cuda(FakeCudaRuntime()))
    assert gpu_check.main(["--look"]) == 0
    assert capsys.readouterr().out.startswith("Test GPU, compute capability 8.9, 16384 MiB, driver ")


def test_the_makefile_looks_before_it_changes_the_environment() -> None:
    target = (ROOT / "Makefile").read_text().partition("gpu-check:")[2].partition("\n\n")[0]
    assert target.index("scripts.gpu_check --look") < target.index("uninstall") < target.rindex("scripts.gpu_check")


def test_backends_that_cannot_run_are_named_with_their_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onestep.runtime.backends.onnxruntime_cuda.why_no_cuda", lambda: "no NVIDIA driver was found")
    monkeypatch.setattr("onestep.runtime.backends.tensorrt.why_no_cuda", lambda: None)
    monkeypatch.setattr("onestep.tensorrt_library.find_spec", lambda name: name == "tensorrt_rtx" or None)
    named, passed_over = gpu_check.chosen_backends("onnxruntime-cuda,tensorrt")
    assert (named, passed_over) == (["onnxruntime-cuda", "tensorrt"], {})
    assert all(name != "onnxruntime-cpu" for name in gpu_check.chosen_backends(None)[0])


def row(**changes: Any) -> Row:
    figures = {"latency_p50_ms": 12.0, "engine_fps": 80.0, "end_to_end_fps": 78.0, "floor_ms": 5.7, "timeline": GOOD}
    return Row("SD-Turbo fp16", "tensorrt-rtx", **(figures | changes))  # type: ignore[arg-type]


def test_what_misses_its_limit() -> None:
    assert row().misses() == []
    slow = TimelineSummary(100, 0.03, 10.0, 0.03, 0.99, 0.5)
    assert row(latency_p50_ms=14.3, end_to_end_fps=75.9, timeline=slow, failed=["not the graph"]).misses() == [
        "SD-Turbo fp16 on tensorrt-rtx: not the graph",
        "SD-Turbo fp16 on tensorrt-rtx: 14.3 ms, limit 14.2 ms",
        "SD-Turbo fp16 on tensorrt-rtx: 0.95 of the engine's rate",
        "SD-Turbo fp16 on tensorrt-rtx: 0.50 of the copies are hidden",
    ]
    assert row(error="it does not run").misses() == ["SD-Turbo fp16 on tensorrt-rtx: it does not run"]


def test_a_share_of_the_engines_rate_is_asked_of_full_size_only() -> None:
    assert row(end_to_end_fps=10.0, floor_ms=0.0).misses() == []


def test_why_an_engine_does_not_run(tmp_path: Path) -> None:
    if why_no_cuda() is None:
        pytest.skip("this machine has a GPU")
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    reason = gpu_rows.why_not_running(CheckedBundle("probe", bundle, SMALL), "onnxruntime-cuda")
    assert reason == "onnxruntime-cuda cannot run here: no NVIDIA driver was found"
    assert gpu_rows.why_not_running(CheckedBundle("probe", bundle, SMALL), "onnxruntime-cpu") is None


@pytest.mark.parametrize(
    ("backends", "marks"), [(["onnxruntime-cuda"], "gpu and not tensorrt"), (["tensorrt", "onnxruntime-cuda"], "gpu")]
)
def test_the_tests_run_on_the_backends_that_run(
    monkeypatch: pytest.MonkeyPatch, backends: list[str], marks: str
) -> None:
    called: dict[str, Any] = {}

    def run(command: list[str], env: dict[str, str]) -> None:
        called.update(command=command, env=env)

    monkeypatch.setattr("scripts.gpu_check.subprocess.run", run)
    gpu_check.run_tests(backends)
    assert called["command"][-2:] == ["-m", marks]
    assert called["env"]["ONESTEP_GPU_BACKENDS"] == ",".join(backends)
    assert called["env"]["ONESTEP_REQUIRE_GPU"] == "1"


def test_results_are_json_beside_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "RESULTS", tmp_path / "results")
    rows = [row(parity_max_abs=2, parity_psnr_db=58.0), Row("embedded day2night", "tensorrt", error="no engine")]
    path = gpu_check.write_results(GPU, FrameSize(512, 512), rows, {"tensorrt": "not here"}, tests_passed=True)
    assert path.name.startswith("nvidia-h100-pcie-20")
    figures = json.loads(path.read_text())
    assert figures["rows"][0]["timeline"]["hidden_share"] == 0.98
    assert figures["rows"][1]["misses"] == ["embedded day2night on tensorrt: no engine"]
    assert (figures["gpu"]["compute_capability"], figures["tests_passed"]) == ("9.0", True)
    lines = gpu_check.table(rows).splitlines()
    assert len(lines) == 3
    assert "0.03/10.00/0.03     98%    2, 58.0 dB" in lines[1]
    assert lines[2].endswith("no engine")


def test_a_timeline_of_frames_in_flight() -> None:
    engine = engine_on(FakeCudaRuntime())
    summary = timeline_of(engine, count=12)
    assert summary.frames == 12
    assert 0 <= summary.hidden_share <= 1
    engine.close()


def test_a_row_on_the_processor_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a row measures but what only a GPU has, on real sessions."""
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    monkeypatch.setattr(gpu_rows, "_video_rates", lambda *_: {"engine_fps": 10.0, "end_to_end_fps": 9.9})
    found = measured_row(CheckedBundle("small", bundle, SMALL, parity_frames=2), "onnxruntime-cpu")
    assert (found.error, found.failed, found.parity_max_abs, found.parity_psnr_db) == ("", [], 0, 99.0)
    assert 0 < found.latency_p50_ms <= found.latency_p95_ms
    assert found.misses() == []


def test_a_backend_that_does_not_run_is_a_row_with_its_reason(tmp_path: Path) -> None:
    if why_no_cuda() is None:
        pytest.skip("this machine has a GPU")
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    found = measured_row(CheckedBundle("small", bundle, SMALL), "onnxruntime-cuda")
    assert found.misses() == ["small on onnxruntime-cuda: onnxruntime-cuda cannot run here: no NVIDIA driver was found"]
