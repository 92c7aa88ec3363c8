"""What every session of ONNX Runtime is told."""

from pathlib import Path

import onnxruntime

from onestep.bundle import open_bundle
from onestep.runtime.backends.frame_tensors import frame_tensors
from onestep.runtime.backends.onnxruntime_graph import session_options
from onestep.runtime.backends.options import EngineOptions
from tests.runtime.bundles import SMALL, make_bundle


def test_threads_do_not_spin_and_8_bit_products_do_not_overflow(tmp_path: Path) -> None:
    engine_options = EngineOptions(threads=2)
    tensors = frame_tensors(open_bundle(make_bundle(tmp_path / "b")), SMALL, engine_options)
    options = session_options(onnxruntime, tensors, engine_options)
    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.get_session_config_entry("session.x64quantprecision") == "1"
