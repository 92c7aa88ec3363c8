"""`onestep export --engine`: which library is settled before the export, and what becomes of the bundle after it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onestep.bundle import open_bundle
from onestep.cli import export_engine
from onestep.cli.export import export
from onestep.cli.export_engine import check_buildable, engine_backend, engine_of_export
from onestep.errors import BackendError, EngineBuildError, MissingExtraError, SettingError, UnknownNameError
from onestep.exporter.engines.build import build_engine
from onestep.exporter.engines.options import BuildOptions
from onestep.tensorrt_library import TensorRtLibrary
from tests.runtime.bundles import make_bundle

Here = Callable[..., None]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """Return a function that says which libraries are installed, and whether there is a GPU."""

    def settle(*libraries: str, gpu: bool) -> None:
        def why_missing(library: TensorRtLibrary) -> str | None:
            return None if library.name in libraries else f"{library.module} is not installed"

        monkeypatch.setattr(TensorRtLibrary, "why_missing", why_missing)
        reason = None if gpu else "no NVIDIA driver was found"
        monkeypatch.setattr("onestep.runtime.cuda.calls.why_no_cuda", lambda: reason)

    return settle


@pytest.mark.parametrize(
    ("libraries", "gpu", "expected"),
    [
        (("tensorrt", "tensorrt-rtx"), True, "tensorrt"),
        (("tensorrt", "tensorrt-rtx"), False, "tensorrt-rtx"),
        (("tensorrt-rtx",), True, "tensorrt-rtx"),
        (("tensorrt-rtx",), False, "tensorrt-rtx"),
        (("tensorrt",), True, "tensorrt"),
    ],
)
def test_auto_takes_the_first_that_can_build(here: Here, libraries: tuple[str, ...], gpu: bool, expected: str) -> None:
    here(*libraries, gpu=gpu)
    assert engine_backend("auto") == expected


def test_auto_says_what_it_passed_over(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    here("tensorrt", "tensorrt-rtx", gpu=False)
    engine_backend("auto")
    assert capsys.readouterr().err == "passed over tensorrt for the engine: no NVIDIA driver was found\n"


def test_auto_without_any_library_is_an_error(here: Here) -> None:
    here("tensorrt", gpu=False)
    with pytest.raises(
        BackendError, match="tensorrt: no NVIDIA driver .*; tensorrt-rtx: tensorrt_rtx is not .* Nothing was exported"
    ):
        engine_backend("auto")


def test_a_library_that_is_named_is_used_or_the_command_fails(here: Here) -> None:
    here("tensorrt", gpu=False)
    with pytest.raises(BackendError, match="--engine tensorrt cannot build here: no NVIDIA driver was found. Nothing"):
        engine_backend("tensorrt")
    with pytest.raises(
        MissingExtraError, match="--engine tensorrt-rtx cannot build here: tensorrt_rtx is not installed"
    ):
        engine_backend("tensorrt-rtx")
    with pytest.raises(UnknownNameError, match="Unknown engine library 'onnx'"):
        engine_backend("onnx")
    assert engine_backend("none") is None


def test_what_no_engine_is_built_from_is_refused_before(tmp_path: Path) -> None:
    card = SimpleNamespace(stochastic=True)
    with pytest.raises(SettingError, match="is stochastic: .* Export it with --engine none"):
        check_buildable(card, "fp16", "tensorrt-rtx")
    with pytest.raises(SettingError, match="An int8 graph is made for processors"):
        check_buildable(SimpleNamespace(), "int8", "tensorrt-rtx")
    check_buildable(card, "int8", None)
    check_buildable(SimpleNamespace(), "fp16", "tensorrt")
    bundle = open_bundle(make_bundle(tmp_path / "bundle", promise={"precision": "int8"}))
    with pytest.raises(EngineBuildError, match="is an int8 bundle, which is made for processors"):
        build_engine(bundle, options=BuildOptions())


def test_the_export_does_not_start_where_no_engine_can_be_built(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(gpu=False)
    monkeypatch.setattr("onestep.exporter.export.export_bundle", lambda *_, **__: pytest.fail("exported"))
    with pytest.raises(BackendError, match="--engine auto finds no library"):
        export(domain="day2night", output=tmp_path / "out", engine="auto")
    assert not list(tmp_path.iterdir())


def test_a_failed_build_leaves_the_bundle_and_names_the_command(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "bundle")

    def fail(bundle: Path, backend: str) -> Any:
        raise EngineBuildError("The library gave no reason.")

    outcome = engine_of_export(folder, "tensorrt-rtx", build=fail)
    assert outcome.plain() == {"engine": None}
    with pytest.raises(EngineBuildError, match="is complete, and its engine was not built: The library gave") as caught:
        outcome.finish(show=True)
    assert str(caught.value).endswith(f"Later: onestep build {folder} --backend tensorrt-rtx")
    open_bundle(folder)


def test_an_interrupted_build_leaves_the_bundle_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_bundle(tmp_path / "bundle")

    def interrupt(bundle: Path, backend: str) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine_of_export(folder, "tensorrt", build=interrupt)
    assert f"without its engine. Build it later: onestep build {folder} --backend tensorrt" in capsys.readouterr().err


def test_an_export_with_its_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install 'onestep[tensorrt-rtx]'")
    target = tmp_path / "night.bundle"
    options: dict[str, Any] = {"domain": "day2night", "precision": "fp16", "size": "64x32", "parity_frames": 1}
    export(**options, output=target, engine="tensorrt-rtx", as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["engine"]["record"]["profiles"] == ["64x32"]
    assert Path(report["engine"]["plan"]).parent == target / "engines"
    assert open_bundle(target).manifest.precision == "fp16"


def test_an_export_whose_engine_fails_prints_its_report_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(bundle: Path, backend: str) -> Any:
        raise EngineBuildError("out of memory")

    def export_bundle(packed: Any, output: Path, **_: Any) -> Any:
        return SimpleNamespace(path=make_bundle(output))

    command = sys.modules[export.__module__]
    monkeypatch.setattr(export_engine, "_built", fail)
    monkeypatch.setattr(command, "engine_backend", lambda wanted: wanted)
    monkeypatch.setattr(command, "_plain", lambda report: {"bundle": str(report.path)})
    monkeypatch.setattr("onestep.exporter.export.export_bundle", export_bundle)
    target = tmp_path / "night.bundle"
    with pytest.raises(EngineBuildError, match="out of memory"):
        export(domain="day2night", size="64x32", parity_frames=1, output=target, engine="tensorrt", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"bundle": str(target), "engine": None}
    open_bundle(target)
