"""The builder's configuration from the options of a build."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onestep.atomic import whole_file
from onestep.errors import EngineBuildError
from onestep.exporter.engines.network import ParsedNetwork
from onestep.exporter.engines.options import BuildOptions
from onestep.exporter.engines.progress import Tell, progress_monitor
from onestep.frame_size import FrameSize

_log = logging.getLogger(__name__)


def builder_config(parsed: ParsedNetwork, options: BuildOptions, sizes: Sequence[FrameSize], tell: Tell) -> Any:
    """Return the library's `IBuilderConfig` for a build.

    Each frame size is an optimisation profile of its own with least = best = greatest: a range would make the engine
    slower at every size in it.

    Args:
        parsed: The network.
        options: How to build.
        sizes: Frame sizes, in the order of their profiles.
        tell: Told of the progress.
    """
    trt = parsed.trt
    config = parsed.builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # for the inspector
    config.progress_monitor = progress_monitor(trt, tell)
    config.clear_flag(trt.BuilderFlag.TF32)  # float32 is where the graph needs more than TF32's 11 bits of mantissa
    if options.optimization_level is not None:
        config.builder_optimization_level = options.optimization_level
    if options.workspace_mib is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
    if options.aux_streams is not None:
        config.max_aux_streams = options.aux_streams
    if options.hardware_compatibility != "none":
        levels = trt.HardwareCompatibilityLevel
        config.hardware_compatibility_level = getattr(levels, options.hardware_compatibility.upper())
    for wanted, flag in ((options.version_compatible, "VERSION_COMPATIBLE"), (options.refittable, "REFIT")):
        if wanted:
            config.set_flag(getattr(trt.BuilderFlag, flag))
    if options.timing_cache is not None:
        _read_timing_cache(config, options.timing_cache)
    _add_profiles(parsed, config, sizes)
    return config


def keep_timing_cache(config: Any, path: Path) -> None:
    """Write what the build measured, for the next one; where that fails, the engine is kept and a warning says so."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_bytes(bytes(config.get_timing_cache().serialize()))
    except OSError as err:
        _log.warning("The timing cache could not be written (%s). The next build measures again.", err)


def _read_timing_cache(config: Any, path: Path) -> None:
    try:
        measured = path.read_bytes() if path.exists() else b""
    except OSError as err:
        raise EngineBuildError(f"The timing cache {path} cannot be read ({err.strerror or err}). Name a file.") from err
    cache = config.create_timing_cache(measured)
    if not config.set_timing_cache(cache, False):
        raise EngineBuildError(
            f"The timing cache {path} is of another GPU or library version. Remove it, or name another file."
        )


def _add_profiles(parsed: ParsedNetwork, config: Any, sizes: Sequence[FrameSize]) -> None:
    frame = parsed.network.get_input(0)
    if all(length >= 0 for length in frame.shape):
        return
    for size in sizes:
        shape = (1, size.height, size.width, 3)
        profile = parsed.builder.create_optimization_profile()
        profile.set_shape(frame.name, shape, shape, shape)
        if config.add_optimization_profile(profile) < 0:
            raise EngineBuildError(
                f"{parsed.library.name} does not take {size} as a frame size: {parsed.reasons()}. Leave it out."
            )
