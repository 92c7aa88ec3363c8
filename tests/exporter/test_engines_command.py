"""`onestep build`, as a function: what it prints, and what the user can mend."""

import json
import sys
from pathlib import Path

import pytest

from onestep.bundle import Bundle
from onestep.cli.build import build
from onestep.errors import BundleError, MissingExtraError, SettingError, UnknownNameError
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator
from tests.exporter.engine_bundles import engine_bundle


@pytest.fixture(scope="module")
def half(packed: PackedGenerator, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of the tiny base in float16, of one size."""
    folder = tmp_path_factory.mktemp("command") / "bundle"
    return engine_bundle(folder, packed.generator, packed.base.prompt_embedding("x"), size=FrameSize(64, 32))


def test_it_prints_the_proof_and_the_place(half: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install 'onestep[tensorrt-rtx]'")
    build(half.path, optimization_level=0)
    shown = capsys.readouterr()
    assert "Convolutions 104 float16, 1 float32; matrix products 110 float16; fused attentions" in shown.out
    assert "proven on the parsed network" in shown.out
    assert f"Engine: {half.path}/engines/tensorrt-rtx." in shown.out
    assert "… building for 64x32" in shown.err
    build(half.path, optimization_level=0, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["record"]["profiles"] == ["64x32"]
    assert Path(report["plan"]).is_file()


def test_a_missing_library_names_extra_and_index(half: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingExtraError, match=r"onestep\[tensorrt\]'; NVIDIA serves its wheels from its own"):
        build(half.path, backend="tensorrt")


def test_what_the_user_can_mend(half: Bundle, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Unknown engine library 'onnxruntime'. Known: tensorrt, tensorrt-rtx"):
        build(half.path, backend="onnxruntime")
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install 'onestep[tensorrt-rtx]'")
    with pytest.raises(BundleError, match="is not a folder"):
        build(tmp_path / "nothing")
    with pytest.raises(SettingError, match="takes frames of 64x32 only"):
        build(half.path, size=["128x64"])
    with pytest.raises(SettingError, match="'big' is not a frame size"):
        build(half.path, size=["big"])
