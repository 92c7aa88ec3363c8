"""What a bundle's manifest promises about the graph's inputs and output, for the backends to hold the graph to."""

from collections.abc import Sequence
from dataclasses import dataclass

from onestep.bundle import Bundle, TensorSpec
from onestep.errors import BundleError
from onestep.frame_size import FrameSize
from onestep.runtime.backends.constant_inputs import Constants, constant_inputs, free_lengths
from onestep.runtime.backends.options import EngineOptions


@dataclass(frozen=True)
class FrameTensors:
    """The frames that go into a graph and come out of it at one size, and what else it takes."""

    input_name: str
    output_name: str
    shape: tuple[int, int, int, int]
    """[1, H, W, 3]."""
    free_dimensions: dict[str, int]
    """The names that the graph gives to free lengths, and what they are at this size."""
    constants: Constants
    """The other inputs by name, the same for every frame; none but for a stochastic generator."""


def frame_tensors(bundle: Bundle, size: FrameSize, options: EngineOptions) -> FrameTensors:
    """Return the graph's inputs and output at `size`, by the bundle's manifest.

    Raises:
        BundleError: The manifest describes no graph of one uint8 frame in and one out, or one of another size.
        SettingError: The options are for another kind of generator.
    """
    manifest = bundle.manifest
    if not manifest.inputs or len(manifest.outputs) != 1:
        names = ", ".join(spec.name for spec in [*manifest.inputs, *manifest.outputs])
        raise BundleError(
            f"The graph of {bundle.path} has the inputs and outputs {names}; this runtime takes graphs with one frame "
            "in and one out. Export the bundle again."
        )
    constants = constant_inputs(bundle, size, options)
    taken, given = manifest.inputs[0], manifest.outputs[0]
    shape = (1, size.height, size.width, 3)
    free = _free_dimensions(bundle, taken, shape) | _free_dimensions(bundle, given, shape)
    free |= free_lengths(bundle, size)
    return FrameTensors(taken.name, given.name, shape, free, constants)


def check_tensor(bundle: Bundle, name: str, got: tuple[str, str, list[object]], tensors: FrameTensors) -> None:
    """Raise BundleError unless a tensor of the loaded graph is the one that the manifest describes.

    Args:
        bundle: For the message.
        name: Name by the manifest.
        got: Name, element type and shape by the inference library.
        tensors: What the manifest promises.
    """
    wanted = (name, "uint8", list(tensors.shape))
    if got != wanted:
        raise BundleError(
            f"{bundle.graph_path} does not keep what its manifest says: it has {_text(got)}, expected {_text(wanted)}. "
            "Export the bundle again."
        )


def _free_dimensions(bundle: Bundle, spec: TensorSpec, shape: tuple[int, ...]) -> dict[str, int]:
    """Return the values of the dimensions that `spec` names, after checking those that it fixes."""
    fits = spec.dtype == "uint8" and len(spec.shape) == len(shape)
    pairs = list(zip(spec.shape, shape, strict=False))
    if not fits or any(isinstance(named, int) and named != actual for named, actual in pairs):
        got = _text((spec.name, spec.dtype, spec.shape))
        raise BundleError(
            f"The manifest of {bundle.path} describes {got}; a frame of this size is uint8 {list(shape)}. "
            "Export the bundle again."
        )
    return {named: actual for named, actual in pairs if isinstance(named, str)}


def _text(tensor: tuple[str, str, Sequence[object]]) -> str:
    name, dtype, shape = tensor
    return f"{name} {dtype} {shape}"
