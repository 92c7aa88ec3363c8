"""What a stochastic generator's graph takes beside the frame: a noise and a strength, the same for every frame.

The noise stays as it is from frame to frame, so that a still video stays still. Where they come from: Parmar et al.
2024, section 3.4; the published sketch model is used at a strength of 0.4.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from onestep.bundle import Bundle, TensorSpec
from onestep.errors import BundleError, SettingError
from onestep.frame_size import FrameSize
from onestep.runtime.backends.options import EngineOptions

DEFAULT_STRENGTH = 0.4
NOISE, STRENGTH = "noise", "strength"
Constants = Mapping[str, NDArray[np.float32]]


def constant_inputs(bundle: Bundle, size: FrameSize, options: EngineOptions) -> Constants:
    """Return the values of the graph's inputs behind the frame, by name.

    Args:
        bundle: Its manifest says which inputs there are, and their shapes.
        size: Frame size in pixels; free lengths follow it.
        options: Strength and seed.

    Returns:
        `noise`, float32, normal with variance 1, and `strength` `[1]` float32; nothing for a deterministic generator.

    Raises:
        BundleError: The manifest describes an input that this runtime does not know.
        SettingError: A strength or a seed was given to a deterministic generator.
    """
    specs = bundle.manifest.inputs[1:]
    if not specs:
        _refuse_settings(bundle, options)
        return {}
    return {spec.name: _value(bundle, spec, free_lengths(bundle, size), options) for spec in specs}


def free_lengths(bundle: Bundle, size: FrameSize) -> dict[str, int]:
    """Return the free lengths of the inputs behind the frame at a size: `height/8` and the like, by name."""
    names = {length for spec in bundle.manifest.inputs[1:] for length in spec.shape if isinstance(length, str)}
    return {name: _length(bundle, name, size) for name in names}


def _value(bundle: Bundle, spec: TensorSpec, free: Mapping[str, int], options: EngineOptions) -> NDArray[np.float32]:
    shape = [free[length] if isinstance(length, str) else length for length in spec.shape]
    if spec.dtype == "float" and spec.name == STRENGTH and shape == [1]:
        return np.array([DEFAULT_STRENGTH if options.strength is None else options.strength], np.float32)
    if spec.dtype == "float" and spec.name == NOISE and len(shape) == 4:
        return np.random.default_rng(options.seed or 0).standard_normal(shape, dtype=np.float32)
    raise BundleError(
        f"The graph of {bundle.path} takes {spec.name} {spec.dtype} {spec.shape}, which this runtime does not know; it "
        f"knows float {NOISE} [1, C, h, w] and {STRENGTH} [1]. Export the bundle with this version of onestep."
    )


def _length(bundle: Bundle, name: str, size: FrameSize) -> int:
    side, _, divisor = name.partition("/")
    sides = {"height": size.height, "width": size.width}
    if side not in sides or not divisor.isdigit() or int(divisor) == 0:
        raise BundleError(
            f"The manifest of {bundle.path} names a free length {name!r}; expected one like 'height/8'. "
            "Export the bundle again."
        )
    return sides[side] // int(divisor)


def _refuse_settings(bundle: Bundle, options: EngineOptions) -> None:
    given = [name for name in ("strength", "seed") if getattr(options, name) is not None]
    if given:
        raise SettingError(
            f"{bundle.path} is a deterministic generator and takes no {' and no '.join(given)}: leave it out. "
            "A stochastic one, such as sketch2image, takes both."
        )
