"""The graph's rows and the compiled one: that they open, what their set-up costs, and whose graph it is."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from bench.catalogue import all_rows
from bench.cold_start import cold_start
from bench.compile_cache import compile_cache, is_compiled, kernels_in
from bench.kept_graphs import check_kept, export_bytes, export_graph, export_seconds, graph_folder, write_graph
from bench.refusals import refusal_path
from bench.row import RowSpec
from bench.workload import Workload
from torch import Tensor, nn

from onestep.bundle import open_bundle
from onestep.errors import BackendError, BundleError, NotFasterError, OnestepError
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


def kill_this_process(*_: object) -> None:
    """Stands for `write_graph` where the system has no memory left."""
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(*_: object) -> None:
    """Stands for `write_graph` where 8 bits do not pay."""
    raise NotFasterError("The int8 graph is not faster")


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
    write_graph(workload.settings, "int8", graph_folder(workload, "int8"))
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


def test_an_export_needs_memory_for_networks_of_its_own(kept: Workload) -> None:
    networks = kept.packed.base.text_encoder, kept.packed.generator
    own = sum(part.numel() * 4 for network in networks for part in network.parameters())
    assert own <= export_bytes(kept, "fp16") < 1.1 * own
    assert export_bytes(kept, "fp32") == 0, "its graph is there"
    first = replace(kept, work=kept.work / "nothing")
    assert FP32.own_bytes(first) - FP32.own_bytes(kept) == export_bytes(first, "fp32")


def test_what_is_wrong_in_the_process_that_exports_is_said_here(workload: Workload, tmp_path: Path) -> None:
    gone = replace(workload, settings=replace(workload.settings, base=str(tmp_path / "base")), work=tmp_path)
    with pytest.raises(OnestepError, match=f"{tmp_path / 'base'}"):
        export_graph(gone, "fp32")
    assert not graph_folder(gone, "fp32").exists()


def test_what_was_refused_once_is_not_tried_again(
    workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.kept_graphs.write_graph", refuse)
    ours = replace(workload, work=tmp_path)
    with pytest.raises(NotFasterError, match="^The int8 graph is not faster$"):
        export_graph(ours, "int8")
    assert (export_seconds(ours, "int8"), export_bytes(ours, "int8")) == (0.0, 0)
    with pytest.raises(
        BackendError, match=r"^The int8 graph is not faster \(Said by an earlier run; remove .*int8-ref"
    ):
        export_graph(ours, "int8")
    assert export_seconds(ours, "fp32") > 0, "that was not refused"
    other = replace(ours, settings=replace(ours.settings, size=FrameSize(128, 64)))
    assert export_seconds(other, "int8") > 0, "at another size it may be"
    refusal_path(ours, "int8").write_text("{", encoding="utf-8")
    assert export_seconds(ours, "int8") > 0, "nobody can tell what was refused"


def test_an_export_that_is_killed_is_the_reason(
    workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.kept_graphs.write_graph", kill_this_process)
    with pytest.raises(BackendError, match="the process that exported the graph ended without a word; most often"):
        export_graph(replace(workload, work=tmp_path), "fp32")


@pytest.mark.slow
def test_a_graph_is_exported_by_a_process_of_its_own(workload: Workload, tmp_path: Path) -> None:
    ours = replace(workload, work=tmp_path)
    FP32.prepare(ours)
    check_kept(ours, ["fp32"])
    assert opened_once(FP32, ours) == (64, 64, 3)


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
