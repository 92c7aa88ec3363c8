"""The graph's rows and the compiled one: that they open, what their set-up costs, and whose graph it is."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from bench.catalogue import all_rows
from bench.cold_start import cold_start
from bench.compile_cache import compile_cache, is_compiled, kernels_in
from bench.kept_graphs import check_kept, export_seconds, graph_folder
from bench.row import RowSpec
from bench.workload import Workload
from torch import Tensor, nn

from onestep.bundle import open_bundle
from onestep.errors import BackendError, BundleError
from onestep.exporter import export, int8
from onestep.frame_size import FrameSize
from onestep.version import __version__
from tests.runtime.bundles import make_bundle

ROWS = {row.name: row for row in all_rows(0.8)}
FP32, INT8 = ROWS["graph-onnxruntime-cpu-fp32"], ROWS["graph-onnxruntime-cpu-int8"]


class Brightened(nn.Module):
    """Stands for the generator, which takes a minute to compile."""

    def forward(self, frame: Tensor) -> Tensor:
        return (frame.float() * 1.5 + 1).clamp(0, 255).to(torch.uint8)


def keep_graph(folder: Path, workload: Workload, precision: str) -> Path:
    """Put a bundle of a few nodes into a work folder, whose manifest says what the workload's would."""
    promise = {
        **{"base": "tiny", "domain": "untrained", "precision": precision, "made": {"onestep": __version__}},
        "flops_per_frame": workload.part_flops,
    }
    return make_bundle(folder / precision, size=workload.settings.frame_size, promise=promise)


@pytest.fixture
def kept(workload: Workload, tmp_path: Path) -> Workload:
    """The workload with a work folder that holds fp32 and int8 graphs."""
    for precision in ("fp32", "int8"):
        keep_graph(tmp_path, workload, precision)
    return replace(workload, work=tmp_path)


@pytest.fixture
def compiler() -> Iterator[None]:
    """Skip where torch.compile finds no C++ compiler; forget what was compiled."""
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        pytest.skip("torch.compile needs a C++ compiler for processors, and there is neither g++ nor clang++")
    yield
    torch.compiler.reset()


def opened_once(row: RowSpec, workload: Workload) -> tuple[int, ...]:
    """Open a row, call it, close it, and return the shape of its frame."""
    opened = row.open(workload, 1)
    with opened.stages.attached():
        (frame,) = opened.call()
    opened.close()
    return frame.shape


@pytest.mark.slow
def test_the_int8_row_is_exported(workload: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "_median_ms", lambda *_: [2.0, 1.0])  # a graph this small need not be faster
    monkeypatch.setattr(export, "enforce", lambda report: None)  # nor need random weights survive 8 bits
    INT8.prepare(workload)
    check_kept(workload, ["int8"])
    assert opened_once(INT8, workload) == (64, 64, 3)


def test_the_int8_row_opens(kept: Workload) -> None:
    INT8.prepare(kept)
    assert INT8.set_up_seconds(kept) == 0.0
    assert opened_once(INT8, kept) == (64, 64, 3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own, while it compiles
def test_the_compiled_row_opens(workload: Workload, tmp_path: Path, compiler: None) -> None:
    small = replace(workload, work=tmp_path)
    vars(small)["module"] = Brightened()
    compiled = ROWS["compiled"]
    compile_cache(tmp_path).mkdir()  # as torch does before it compiles anything
    assert compiled.set_up_seconds(small) == pytest.approx(60.0)
    with kernels_in(tmp_path):
        assert opened_once(compiled, small) == (64, 64, 3)
    assert is_compiled(tmp_path) and compiled.set_up_seconds(small) == 0.0


def test_an_export_takes_longer_the_more_there_is_to_compute(workload: Workload, tmp_path: Path) -> None:
    new = replace(workload, work=tmp_path)
    large = replace(new, part_flops={"total": 4_468 * 10**9})
    assert export_seconds(new, "fp32") == export_seconds(new, "fp16") == pytest.approx(27.0, abs=1)
    assert export_seconds(large, "fp32") == pytest.approx(275.0, abs=5)
    assert export_seconds(large, "int8") > export_seconds(large, "fp32")


def test_a_graph_row_names_what_it_ran(kept: Workload) -> None:
    opened = FP32.open(kept, 1)
    opened.close()
    files = open_bundle(graph_folder(kept, "fp32")).manifest.files
    assert opened.graph_sha256 == {"generator.onnx": files["generator.onnx"].sha256}


def test_a_graph_that_is_kept_is_used_again(kept: Workload) -> None:
    check_kept(kept, ["fp32", "fp16", "int8"])
    assert FP32.set_up_seconds(kept) == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": "sd-turbo"}, "it has base 'sd-turbo'; this run has base 'tiny'. Give another folder with --work"),
        ({"prompt": "fog"}, "it has prompt 'fog'; this run has prompt 'driving in the night'"),
        ({"precision": "fp16"}, "it has precision 'fp16'; this run has precision 'fp32'"),
        ({"domain": "day2fog"}, "it has generator 'day2fog'; this run has generator 'untrained'"),
        ({"flops_per_frame": {"total": 5}}, "it has operations per frame 5; this run has operations per frame [0-9]+"),
        ({"made": {"onestep": "0.0.9"}}, "it has onestep '0.0.9'; this run has onestep '"),
    ],
)
def test_another_graph_in_the_work_folder_is_refused(changes: dict[str, object], message: str, kept: Workload) -> None:
    folder = graph_folder(kept, "fp32")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")
    with pytest.raises(BackendError, match=f"fp32 holds another graph than this run measures: {message}"):
        check_kept(kept, ["fp32"])


def test_what_is_no_bundle_is_refused(workload: Workload, tmp_path: Path) -> None:
    (tmp_path / "fp32").mkdir()
    with pytest.raises(BundleError, match="so it is no bundle"):
        check_kept(replace(workload, work=tmp_path), ["fp32"])


def test_a_cold_start_that_is_killed_says_by_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.cold_start._SCRIPT", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(BackendError, match=r"the cold start failed: killed by SIGKILL \(it said nothing\)"):
        cold_start(tmp_path, "onnxruntime-cpu", FrameSize(64, 64), 1)
    monkeypatch.setattr("bench.cold_start._SCRIPT", "raise SystemExit('no bundle')")
    with pytest.raises(BackendError, match=r"the cold start failed: exit status 1 \(no bundle\)"):
        cold_start(tmp_path, "onnxruntime-cpu", FrameSize(64, 64), 1)
