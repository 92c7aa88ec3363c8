"""How an engine is built."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from onestep.bundle.manifest import Manifest
from onestep.errors import SettingError, UnknownNameError
from onestep.frame_size import FrameSize, checked_multiple
from onestep.tensorrt_library import TENSORRT_RTX, tensorrt_library

HardwareCompatibility = Literal["none", "ampere_plus", "same_compute_capability"]
_HIGHEST_LEVEL = 5


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """How an engine is built; None leaves a value to the library."""

    backend: str = TENSORRT_RTX
    sizes: tuple[FrameSize, ...] = ()
    """Frame sizes, one optimisation profile each; empty takes the bundle's preferred size."""
    optimization_level: int | None = None
    """0 builds fastest, 5 searches longest."""
    workspace_mib: int | None = None
    """Most memory that a layer may use for itself."""
    timing_cache: Path | None = None
    """File that keeps measured tactics between builds; TensorRT only. Made where it is missing."""
    aux_streams: int | None = None
    """Streams that branches of the network may run on beside the main one."""
    hardware_compatibility: HardwareCompatibility = "none"
    version_compatible: bool = False
    """Whether later releases of the library's major version shall read the engine."""
    refittable: bool = False
    """Whether the weights can be replaced later."""
    builds: int = 1
    """How often to build; of several, the fastest on this machine's GPU is kept."""

    def __post_init__(self) -> None:
        library = tensorrt_library(self.backend)
        if self.hardware_compatibility not in get_args(HardwareCompatibility):
            known = get_args(HardwareCompatibility)
            raise UnknownNameError("hardware compatibility", self.hardware_compatibility, known)
        if self.optimization_level is not None and not 0 <= self.optimization_level <= _HIGHEST_LEVEL:
            raise SettingError(f"Optimisation level {self.optimization_level} does not exist; 0 to 5 do.")
        for name in ("workspace_mib", "builds"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingError(f"{name.replace('_', ' ')} is {value}; expected 1 or more.")
        if library.is_rtx and (self.timing_cache is not None or self.hardware_compatibility != "none"):
            raise SettingError(
                "TensorRT-RTX takes no timing cache and no hardware compatibility: its engines are compiled for the "
                "GPU that runs them. Leave the options out, or build with --backend tensorrt."
            )

    def flags(self) -> dict[str, Any]:
        """Return the options that the engine's record keeps, as plain values."""
        return {
            "optimization_level": self.optimization_level,
            "workspace_mib": self.workspace_mib,
            "timing_cache": self.timing_cache is not None,
            "aux_streams": self.aux_streams,
            "refittable": self.refittable,
            "builds": self.builds,
        }


def profile_sizes(options: BuildOptions, manifest: Manifest) -> list[FrameSize]:
    """Return the frame sizes to build for, each once and in the order given.

    Raises:
        SettingError: The bundle's graph does not take one of them.
    """
    frame = manifest.frame
    sizes = list(dict.fromkeys(options.sizes)) or [frame.preferred]
    for size in sizes:
        if frame.free:
            checked_multiple(size, frame.multiple, what="The bundle's graph")
        elif size != frame.preferred:
            raise SettingError(
                f"The bundle's graph takes frames of {frame.preferred} only, and an engine for {size} was asked for. "
                f"Export the bundle again without --size, or with --size {size}."
            )
    return sizes
