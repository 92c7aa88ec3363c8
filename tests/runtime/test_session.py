"""Sessions on real small graphs."""

import json
import logging
import subprocess
import sys
import threading
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onestep.runtime
from onestep.bundle import FrameSizes, TensorSpec
from onestep.bundle.folder import file_record
from onestep.errors import BackendError, BundleError, InputError, MissingExtraError, SettingError, UnknownNameError
from onestep.frame_size import FrameSize
from onestep.runtime.backends.choose import BACKENDS, Backend, open_backend
from onestep.runtime.backends.options import EngineOptions
from onestep.runtime.session import SessionOptions, open_session
from tests.runtime.bundles import make_bundle, random_frame

FREE = FrameSize(512, 288)


def test_importing_the_runtime_imports_no_library_of_an_extra() -> None:
    code = "import sys, json, onestep.runtime; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"torch", "onnx", "onnxruntime", "diffusers", "tensorrt", "tensorrt_rtx", "cuda", "rich"}
    modules = set(json.loads(done.stdout))
    assert not modules & {"onestep.exporter", "onestep.training"}


def test_public_names_are_sorted_and_exist() -> None:
    assert onestep.runtime.__all__ == sorted(onestep.runtime.__all__)
    for name in onestep.runtime.__all__:
        assert getattr(onestep.runtime, name) is not None


def test_frame_of_the_graphs_size_is_translated_exactly(tmp_path: Path) -> None:
    frame = random_frame(64, 32)
    with onestep.runtime.open(make_bundle(tmp_path / "bundle")) as session:
        for _ in range(2):
            np.testing.assert_array_equal(session(frame), 255 - frame)
        assert session.frame_size == FrameSize(64, 32)
        assert session.backend == "onnxruntime-cpu"
        assert "onnxruntime-cpu" not in session.passed_over
        assert session.bundle.manifest.domain == "day2night"


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (63, 31), (64, 32), (65, 200), (960, 540), (7680, 4320)])
@pytest.mark.parametrize("free", [False, True])
def test_any_frame_size_comes_back_the_same_size(tmp_path: Path, size: tuple[int, int], free: bool) -> None:
    width, height = size
    colour = np.array([200, 17, 90], np.uint8)
    frame = np.broadcast_to(colour, (height, width, 3))
    with onestep.runtime.open(make_bundle(tmp_path / "bundle", free=free)) as session:
        translated = session(frame)
    assert translated.shape == (height, width, 3)
    assert translated.dtype == np.uint8
    every = max(height // 100, 1)
    np.testing.assert_allclose(translated[::every, ::every], 255 - frame[::every, ::every].astype(int), atol=2)


def test_padding_does_not_leak_into_the_result(tmp_path: Path) -> None:
    """A smooth picture of another aspect comes back nearly as it went in: cut out where it was put in."""
    ramp = np.linspace(0, 255, 400, dtype=np.uint8)
    frame = np.broadcast_to(ramp[:, None, None], (400, 300, 3))
    with onestep.runtime.open(make_bundle(tmp_path / "bundle", kind="copy", size=FrameSize(256, 160))) as session:
        np.testing.assert_allclose(session(frame).astype(int), frame.astype(int), atol=4)


def test_frames_need_not_be_contiguous(tmp_path: Path) -> None:
    frame = random_frame(128, 64)
    with onestep.runtime.open(make_bundle(tmp_path / "bundle")) as session:
        np.testing.assert_array_equal(session(frame[::-2, ::2]), 255 - frame[::-2, ::2])


def test_frames_may_lie_upside_down_in_memory(tmp_path: Path) -> None:
    """As a bottom-up framebuffer does; scaled to the graph's size, too."""
    upright = np.repeat(np.linspace(0, 255, 96, dtype=np.uint8)[:, None, None], 128, axis=1).repeat(3, axis=2)
    flipped = np.ascontiguousarray(upright[::-1])[::-1]
    with onestep.runtime.open(make_bundle(tmp_path / "bundle")) as session:
        np.testing.assert_array_equal(session(flipped), session(upright))


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
)
def test_what_is_no_frame_is_refused(tmp_path: Path, frame: Any) -> None:
    with (
        onestep.runtime.open(make_bundle(tmp_path / "bundle")) as session,
        pytest.raises(InputError, match=r"expected uint8 \[height, width, 3\]"),
    ):
        session(frame)


def test_external_data_inside_the_bundle_is_read(tmp_path: Path) -> None:
    frame = random_frame(64, 32)
    folder = make_bundle(tmp_path / "bundle", external=True)
    assert (folder / "generator.data").stat().st_size > 0
    with onestep.runtime.open(folder) as session:
        np.testing.assert_array_equal(session(frame), 255 - frame)


def test_free_sizes_are_fixed_when_the_session_opens(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "bundle", free=True, size=FREE)
    for size, source, expected in (
        (None, None, "512x288"),
        ("640x352", None, "640x352"),
        (FrameSize(96, 64), FrameSize(1080, 1920), "96x64"),
        (None, FrameSize(1080, 1920), "288x512"),
    ):
        with open_session(SessionOptions(bundle=folder, size=size), source_size=source) as session:
            assert str(session.frame_size) == expected
            frame = random_frame(*session.frame_size)
            np.testing.assert_array_equal(session(frame), 255 - frame)


def test_stretching_little_only_where_the_size_is_free(tmp_path: Path) -> None:
    source = FrameSize(640, 352)
    free = make_bundle(tmp_path / "free", free=True, size=FREE)
    fixed = make_bundle(tmp_path / "fixed", size=FREE)
    for options, expected in (
        (SessionOptions(bundle=free), FREE),
        (SessionOptions(bundle=free, size="512x288"), FrameSize(512, 282)),
        (SessionOptions(bundle=fixed), FrameSize(512, 282)),
        (SessionOptions(bundle=fixed, resize="stretch"), FREE),
    ):
        with open_session(options) as session:
            assert session.placement(source).size == expected


def test_size_that_the_graph_does_not_take(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "bundle", free=True, size=FREE)
    with pytest.raises(SettingError, match=r"multiples of 32 pixels, and 500x300 is not\. Nearest: 480x288 or 512x320"):
        onestep.runtime.open(folder, size="500x300")


def test_threads_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="0 threads cannot run a graph"):
        onestep.runtime.open(make_bundle(tmp_path / "bundle"), threads=0)


def test_session_may_be_called_from_several_threads(tmp_path: Path) -> None:
    wrong: list[int] = []
    with onestep.runtime.open(make_bundle(tmp_path / "bundle"), threads=1) as session:

        def translate(seed: int) -> None:
            frame = random_frame(64, 32, seed)
            if any((session(frame) != 255 - frame).any() for _ in range(20)):
                wrong.append(seed)

        threads = [threading.Thread(target=translate, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_closed_session_says_so(tmp_path: Path) -> None:
    session = onestep.runtime.open(make_bundle(tmp_path / "bundle"))
    session.close()
    session.close()
    with pytest.raises(BackendError, match="is closed"):
        session(random_frame(64, 32))


def test_what_failed_is_told_and_not_that_closing_failed_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After an error of the GPU every later call fails, with less to say."""
    session = open_session(SessionOptions(bundle=make_bundle(tmp_path / "b")))

    def fail() -> None:
        raise BackendError("cudaStreamDestroy failed")

    monkeypatch.setattr(session.engine, "close", fail)
    with pytest.raises(BackendError, match="an illegal address"), session:
        raise BackendError("an illegal address")
    assert "closing failed, too: cudaStreamDestroy failed" in caplog.text
    with pytest.raises(BackendError, match="cudaStreamDestroy failed"), session:
        pass


def test_opening_logs_the_backend(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="onestep"):
        onestep.runtime.open(make_bundle(tmp_path / "bundle")).close()
    assert "runs at 64x32 on onnxruntime-cpu" in caplog.text


def test_unknown_backend_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown backend 'onnxruntime-cpi'\. Did you mean 'onnxruntime-cpu'"):
        onestep.runtime.open(make_bundle(tmp_path / "bundle"), backend="onnxruntime-cpi")


def test_auto_keeps_the_reasons_for_what_it_passed_over(tmp_path: Path) -> None:
    def refuse(*_: object) -> Any:
        raise BackendError("no GPU here")

    session = onestep.runtime.open(make_bundle(tmp_path / "bundle"))
    broken = Backend("quick", lambda: "no GPU here", refuse)
    choice = open_backend("auto", session.bundle, session.frame_size, EngineOptions(), backends=[broken, BACKENDS[-1]])
    assert choice.backend == "onnxruntime-cpu"
    assert choice.passed_over == {"quick": "no GPU here"}
    with pytest.raises(BackendError, match=r"No backend can run .*\n  quick: no GPU here\n  other: no GPU here"):
        open_backend(
            "auto",
            session.bundle,
            session.frame_size,
            EngineOptions(),
            backends=[broken, Backend("other", lambda: None, refuse)],
        )


def test_missing_onnxruntime_names_both_extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_bundle(tmp_path / "bundle")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"onestep\[cpu\].*onestep\[gpu\].*not both"):
        onestep.runtime.open(folder, backend="onnxruntime-cpu")
    with pytest.raises(BackendError, match=r"No backend can run(.|\n)*onnxruntime-cpu: .*onestep\[cpu\].*not both"):
        onestep.runtime.open(folder)


def test_why_not_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = BACKENDS[-1]
    assert [backend.name for backend in BACKENDS] == ["tensorrt", "tensorrt-rtx", "onnxruntime-cuda", cpu.name]
    assert cpu.why_not() is None
    monkeypatch.setattr("onestep.runtime.backends.onnxruntime_cpu.find_spec", _nothing_found)
    assert cpu.why_not() == "neither onnxruntime nor onnxruntime-gpu is installed"


def _nothing_found(_: str) -> ModuleSpec | None:
    return None


def test_graph_that_cannot_be_loaded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = make_bundle(tmp_path / "bundle")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "generator.onnx").write_bytes(b"no graph at all")

    record = file_record(folder / "generator.onnx")
    manifest["files"]["generator.onnx"] = {"bytes": record.bytes, "sha256": record.sha256}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BackendError, match=r"cannot load .*generator\.onnx"):
        onestep.runtime.open(folder)
    assert capfd.readouterr() == ("", "")


def test_graph_that_is_not_what_the_manifest_says(tmp_path: Path) -> None:
    small = [1, 16, 16, 3]
    promise = {
        "frame": FrameSizes(16, FrameSize(16, 16), False),
        "inputs": [TensorSpec("frame", "uint8", [*small])],
        "outputs": [TensorSpec("translated", "uint8", [*small])],
    }
    with pytest.raises(BundleError, match=r"has frame uint8 \[1, 32, 64, 3\], expected frame uint8 \[1, 16, 16, 3\]"):
        onestep.runtime.open(make_bundle(tmp_path / "bundle", promise=promise))


@pytest.mark.parametrize(
    ("promise", "message"),
    [
        ({"inputs": []}, "takes graphs with one frame in and one out"),
        (
            {"inputs": [TensorSpec("frame", "float32", [1, 32, 64, 3])]},
            r"this size is uint8 \[1, 32, 64, 3\]",
        ),
        ({"outputs": [TensorSpec("translated", "uint8", [1, 32, 63, 3])]}, "describes translated uint8"),
        ({"outputs": [TensorSpec("translated", "uint8", [32, 64, 3])]}, "describes translated uint8"),
    ],
)
def test_manifest_that_describes_no_frame_graph(tmp_path: Path, promise: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        onestep.runtime.open(make_bundle(tmp_path / "bundle", promise=promise))
