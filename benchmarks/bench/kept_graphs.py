"""The graphs of a run: exported into its work folder, or found there and checked to be the same.

What `export_bundle` writes is kept with `--work`, and a later run uses it again if its manifest says what this run
would have exported. Values of weights are not compared: times do not depend on them, and the report holds the SHA-256
of every graph that it measured.

An export runs in a process of its own: it leaves the memory of its process so scattered that PyTorch's rows took 3 to
10 % longer there, and a table that exported could not be compared with one that found its graphs.
"""

import shutil
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from bench.memory import module_bytes
from bench.packed_base import packed_base
from bench.refusals import keep_refusal, known_refusal
from bench.settings import Settings
from bench.workload import Workload
from onestep.bundle import Bundle, open_bundle
from onestep.bundle.folder import GRAPH_NAME
from onestep.errors import BackendError, NotFasterError
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.exporter.flops import flops_per_frame
from onestep.exporter.int8 import INT8
from onestep.training.quiet import quiet_libraries
from onestep.version import __version__

_PARITY_FRAMES = 2
_EXPORT_SECONDS, _EXPORT_SECONDS_PER_GFLOP = 27.0, 0.055
"""Of a float export on two cores: 28 s for `tiny` at 512x288 (17 GFLOP), 275 s for SD-Turbo's size (4,468 GFLOP)."""
_QUANTISE_SECONDS_PER_GFLOP = 1.8
"""Of calibration on 24 frames, and of the trial that the int8 graph is faster: about 30 s for `tiny` at 512x288."""


def graph_folder(workload: Workload, precision: str) -> Path:
    """Return where the bundle of a precision lies, once it is exported."""
    return workload.work / precision


def export_graph(workload: Workload, precision: str) -> None:
    """Put the bundle of a precision into the work folder, unless it is there.

    Raises:
        OnestepError: It cannot be exported; BackendError if the process that exported was killed.
    """
    folder = graph_folder(workload, precision)
    if folder.is_dir():
        return
    if refusal := known_refusal(workload, precision):
        raise BackendError(refusal)
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        try:
            process.submit(write_graph, workload.settings, precision, folder).result()
        except NotFasterError as err:
            keep_refusal(workload, precision, err)
            raise
        except BrokenProcessPool as err:
            for left in folder.parent.glob(f".{folder.name}.*"):
                shutil.rmtree(left, ignore_errors=True)
            raise BackendError(
                "the process that exported the graph ended without a word; most often the system killed it for memory"
            ) from err


def write_graph(settings: Settings, precision: str, folder: Path) -> None:
    """Load the base that the settings name and export it, in this process."""
    with quiet_libraries():
        options = ExportOptions(precision=precision, parity_frame_count=_PARITY_FRAMES)
        # Handed over without a reference kept here: the networks are let go of one by one.
        export_bundle(packed_base(settings), folder, options=options)


def export_seconds(workload: Workload, precision: str) -> float:
    """Estimate how long `export_graph` takes on two cores, in seconds; 0 where it has been tried before."""
    if graph_folder(workload, precision).is_dir() or known_refusal(workload, precision):
        return 0.0
    gflop = workload.part_flops["total"] / 1e9
    quantising = _QUANTISE_SECONDS_PER_GFLOP * gflop if precision == INT8 else 0.0
    return _EXPORT_SECONDS + _EXPORT_SECONDS_PER_GFLOP * gflop + quantising


def export_bytes(workload: Workload, precision: str) -> int:
    """Estimate the memory of the process that exports, beside its copies of the graph; 0 where it has none to do."""
    if graph_folder(workload, precision).is_dir() or known_refusal(workload, precision):
        return 0
    return module_bytes(workload.packed.generator) + module_bytes(workload.packed.base.text_encoder)


def check_kept(workload: Workload, precisions: Iterable[str]) -> None:
    """Check that the bundles that lie in the work folder are those that this run would export.

    Raises:
        BackendError: One is of another base, generator, prompt, precision, number of operations or version.
        BundleError: One is damaged.
    """
    for precision in precisions:
        folder = graph_folder(workload, precision)
        if folder.is_dir():
            _check(workload, precision, open_bundle(folder))


def graph_hashes(bundle: Bundle) -> dict[str, str]:
    """Return the SHA-256 of the graph's files, by name."""
    return {name: file.sha256 for name, file in bundle.manifest.files.items() if name.startswith(GRAPH_NAME)}


def _check(workload: Workload, precision: str, bundle: Bundle) -> None:
    manifest, card = bundle.manifest, workload.packed.card
    there = {
        "base": manifest.base,
        "generator": manifest.domain,
        "prompt": manifest.prompt,
        "precision": manifest.precision,
        "multiple of its sizes": manifest.frame.multiple,
        "onestep": manifest.made.get("onestep", "unknown"),
        "operations per frame": manifest.flops_per_frame.get("total", 0),
    }
    here = {
        "base": card.base,
        "generator": card.domain,
        "prompt": card.prompt,
        "precision": precision,
        "multiple of its sizes": workload.packed.generator.frame_multiple,
        "onestep": __version__,
    }
    if there["multiple of its sizes"] == here["multiple of its sizes"]:
        here["operations per frame"] = _operations(workload, bundle)
    different = [name for name, value in here.items() if there[name] != value]
    if different:
        found, wanted = (", ".join(f"{name} {side[name]!r}" for name in different) for side in (there, here))
        raise BackendError(
            f"{bundle.path} holds another graph than this run measures: it has {found}; this run has {wanted}. "
            "Give another folder with --work, or remove this one to export it anew."
        )


def _operations(workload: Workload, bundle: Bundle) -> int:
    """Return the operations of this run's generator at the size of which the manifest counts them."""
    size = bundle.manifest.frame.preferred
    if size == workload.settings.frame_size:
        return workload.part_flops["total"]
    return int(flops_per_frame(workload.packed.generator, size)["total"])
