"""What ONNX Runtime's providers have in common: the options of a session, and the check of its graph."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from onestep.bundle import Bundle
from onestep.runtime.backends.frame_tensors import FrameTensors, check_tensor
from onestep.runtime.backends.options import EngineOptions
from onestep.usable_cores import usable_cores

if TYPE_CHECKING:
    import onnxruntime

EXACT_INT8 = ("session.x64quantprecision", "1")
"""Setting of a session: slower 8-bit products, which do not overflow 16 bits."""
_VNNI = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
"""Flags of x86 processors whose fast products do not overflow either."""
_ONLY_FATAL = 4


def thread_count(options: EngineOptions) -> int:
    """Return how many processor threads a graph may use: as asked, or one for each core of this process."""
    return options.threads or usable_cores()


def session_options(ort: Any, tensors: FrameTensors, *, threads: int) -> "onnxruntime.SessionOptions":
    """Return the options of a session whose free dimensions are fixed.

    Args:
        ort: The module `onnxruntime`.
        tensors: The graph's inputs and output.
        threads: How many compute a layer, the one that calls the session included.
    """
    options = processor_options(ort, threads=threads)
    for name, length in tensors.free_dimensions.items():
        options.add_free_dimension_override_by_name(name, length)
    return options


def processor_options(ort: Any, *, threads: int | None = None) -> "onnxruntime.SessionOptions":
    """Return the options of every session that computes on a processor here, so that all compute alike.

    Args:
        ort: The module `onnxruntime`.
        threads: How many compute a layer; None for one for each core of this process.
    """
    options = ort.SessionOptions()
    options.log_severity_level = _ONLY_FATAL
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    avoid_overflows(options)
    return options


def avoid_overflows(options: "onnxruntime.SessionOptions") -> None:
    """Take 8-bit products that do not overflow, where a processor's fast ones do and nothing says so: x86 before VNNI.

    With VNNI the setting would change no result and cost half of the speed.
    """
    if not processor_flags() & _VNNI:
        options.add_session_config_entry(*EXACT_INT8)


def processor_flags() -> frozenset[str]:
    """Return what an x86 processor can do, as Linux names it; nothing where it says nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").partition(":")[2].split())


def check_session(bundle: Bundle, session: "onnxruntime.InferenceSession", tensors: FrameTensors) -> None:
    """Raise BundleError unless a loaded graph has the input and output that the manifest describes."""
    for name, found in (
        (tensors.input_name, session.get_inputs()),
        (tensors.output_name, session.get_outputs()),
    ):
        got = (found[0].name, found[0].type.removeprefix("tensor(").removesuffix(")"), list(found[0].shape))
        check_tensor(bundle, name, got, tensors)
