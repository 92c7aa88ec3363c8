"""What every session of ONNX Runtime is told."""

import platform
from pathlib import Path

import onnxruntime
import pytest

from onestep.bundle import open_bundle
from onestep.runtime.backends import onnxruntime_graph
from onestep.runtime.backends.frame_tensors import frame_tensors
from onestep.runtime.backends.onnxruntime_graph import processor_flags, session_options
from onestep.runtime.backends.options import EngineOptions
from tests.runtime.bundles import SMALL, make_bundle


def test_threads_do_not_spin(tmp_path: Path) -> None:
    tensors = frame_tensors(open_bundle(make_bundle(tmp_path / "b")), SMALL, EngineOptions())
    options = session_options(onnxruntime, tensors, threads=2)
    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


OVERFLOWING, NAMELESS = {"avx512f"}, set[str]()


@pytest.mark.parametrize(
    ("flags", "slower"),
    [(OVERFLOWING, True), (NAMELESS, True), ({"avx512f", "avx512_vnni"}, False), ({"amx_int8"}, False)],
)
def test_8_bit_products_are_slower_only_where_they_would_overflow(
    flags: set[str], slower: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime_graph, "processor_flags", lambda: frozenset(flags))
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(
        onnxruntime.SessionOptions, "add_session_config_entry", lambda self, name, value: asked.append((name, value))
    )
    tensors = frame_tensors(open_bundle(make_bundle(tmp_path / "b")), SMALL, EngineOptions())
    session_options(onnxruntime, tensors, threads=1)
    assert (("session.x64quantprecision", "1") in asked) is slower


def test_the_flags_of_a_processor_are_read() -> None:
    assert processor_flags() or not Path("/proc/cpuinfo").exists() or platform.machine() != "x86_64"
