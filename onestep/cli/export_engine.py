"""The engine that `onestep export --engine` builds once the bundle is there."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from onestep.errors import BackendError, EngineBuildError, MissingExtraError, OnestepError, SettingError
from onestep.tensorrt_library import LIBRARIES, TENSORRT, tensorrt_library

if TYPE_CHECKING:
    from onestep.exporter.engines.build import BuildReport

EngineOption = Annotated[
    Literal["auto", "tensorrt", "tensorrt-rtx", "none"],
    typer.Option("--engine", help="Build an engine into the bundle; auto takes tensorrt, or else tensorrt-rtx."),
]
NO_ENGINE, INT8 = "none", "int8"


def engine_backend(wanted: str) -> str | None:
    """Settle which library builds, before the export starts.

    Args:
        wanted: `auto`, a library, or `none`.

    Returns:
        `tensorrt` or `tensorrt-rtx`; None for `none`.

    Raises:
        BackendError: `auto`, and neither library can build here; the message says why. Or `tensorrt` without a GPU.
        MissingExtraError: The library that was named is not installed.
    """
    if wanted == NO_ENGINE:
        return None
    names = list(LIBRARIES) if wanted == "auto" else [tensorrt_library(wanted).name]
    reasons: dict[str, str] = {}
    for name in names:
        reason = tensorrt_library(name).why_missing() or _why_no_gpu(name)
        if reason is None:
            _say_passed_over(reasons)
            return name
        reasons[name] = reason
    if wanted == "auto":
        found = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise BackendError(f"--engine auto finds no library that can build here. {found}. Nothing was exported.")
    is_missing = tensorrt_library(wanted).why_missing() is not None
    problem = f"--engine {wanted} cannot build here: {reasons[wanted]}. Nothing was exported."
    raise MissingExtraError(problem) if is_missing else BackendError(problem)


def check_buildable(card: Any, precision: str, backend: str | None) -> None:
    """Raise SettingError if no engine can be built from the graph that will be exported, before the export starts.

    Args:
        card: The generator's; a stochastic one takes more than a frame.
        precision: Of the graph.
        backend: What shall build; None for no engine.
    """
    if backend is None:
        return
    if precision == INT8:
        raise SettingError(
            "An int8 graph is made for processors, and no engine is built from it. Use --precision fp16 for an engine, "
            "or --engine none."
        )
    if getattr(card, "stochastic", False):
        raise SettingError(
            "This generator is stochastic: its graph takes a noise beside the frame, and engines are built of graphs "
            "that take one frame. Export it with --engine none."
        )


@dataclasses.dataclass(frozen=True)
class EngineOutcome:
    """What became of the engine of an export."""

    report: "BuildReport | None" = None
    failed: OnestepError | None = None

    def plain(self) -> dict[str, Any]:
        """Return what the export's JSON says of it: null without an engine."""
        if self.report is None:
            return {"engine": None}
        return {"engine": {"plan": str(self.report.plan), "record": dataclasses.asdict(self.report.record)}}

    def finish(self, *, show: bool) -> None:
        """Print the engine where `show` is true, or raise what kept it from being built."""
        from onestep.cli.build import print_engine

        if self.failed is not None:
            raise self.failed
        if self.report is not None and show:
            print_engine(self.report)


def engine_of_export(
    bundle: Path, backend: str | None, *, build: "Callable[[Path, str], BuildReport] | None" = None
) -> EngineOutcome:
    """Build the engine of a bundle that was just exported. The bundle stays whatever happens.

    Args:
        bundle: Folder of the bundle.
        backend: From `engine_backend`.
        build: In the place of the real build.
    """
    if backend is None:
        return EngineOutcome()
    from onestep.bundle.engine_record import build_command

    later = build_command(bundle, backend, [])
    try:
        return EngineOutcome((build or _built)(bundle, backend))
    except OnestepError as err:
        failed = EngineBuildError(
            f"The bundle {bundle} is complete, and its engine was not built: {err} Later: {later}"
        )
        failed.__cause__ = err
        return EngineOutcome(failed=failed)
    except KeyboardInterrupt:
        print(f"The bundle {bundle} is complete, without its engine. Build it later: {later}", file=sys.stderr)
        raise


def _why_no_gpu(name: str) -> str | None:
    """Return why a library lacks the GPU that it needs to build, None where it needs none or has one."""
    from onestep.runtime.cuda.calls import why_no_cuda

    return why_no_cuda() if name == TENSORRT else None


def _say_passed_over(reasons: dict[str, str]) -> None:
    for name, reason in reasons.items():
        print(f"passed over {name} for the engine: {reason}", file=sys.stderr)


def _built(bundle: Path, backend: str) -> "BuildReport":
    from onestep.bundle import open_bundle
    from onestep.cli.build import built_engine
    from onestep.exporter.engines.options import BuildOptions

    return built_engine(open_bundle(bundle), BuildOptions(backend=backend))
