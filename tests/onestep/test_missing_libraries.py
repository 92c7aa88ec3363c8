"""A command asks for its libraries when it starts: not when hours of work have been done."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onestep.cli.evaluate import evaluate
from onestep.cli.export import export
from onestep.cli.refit import refit
from onestep.errors import MissingExtraError

EXPORTS: dict[Callable[..., Any], dict[str, Any]] = {
    export: {"generator": Path("nowhere")},
    refit: {"bundle": Path("nowhere"), "generator": Path("nowhere")},
}


@pytest.mark.parametrize("command", EXPORTS)
@pytest.mark.parametrize(
    ("library", "extra"),
    [("onnx", "export"), ("onnxscript", "export"), ("diffusers", "export"), ("onnxruntime", "cpu")],
)
def test_an_export_asks_for_all_before_it_opens_anything(
    command: Callable[..., Any], library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"{library} is needed to .*pip install 'onestep\[{extra}\]'"):
        command(**EXPORTS[command])


def test_an_evaluation_asks_for_what_draws_its_report_before_it_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"matplotlib is needed to draw .*pip install 'onestep\[evaluate\]'"):
        evaluate(inputs=str(tmp_path / "nowhere"), output=tmp_path / "report")
    assert list(tmp_path.iterdir()) == []
