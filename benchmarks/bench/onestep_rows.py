"""This project's rows: the exported graph on every backend, and the same generator in PyTorch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from bench.cold_start import cold_start
from bench.compile_cache import is_compiled
from bench.kept_graphs import export_bytes, export_graph, export_seconds, graph_folder, graph_hashes
from bench.memory import module_bytes
from bench.row import OpenRow, RowSpec
from bench.stages import UNET, Stages
from bench.workload import Frame, Workload
from onestep.bundle import open_bundle
from onestep.bundle.manifest import Precision
from onestep.errors import BackendError
from onestep.runtime.backends.choose import BACKENDS, Backend
from onestep.runtime.session import Session, SessionOptions, open_session
from onestep.training.generator import OneStepGenerator

GRAPH, EAGER, COMPILED = "graph", "eager", "compiled"
_GRAPH_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}
_COMPILE_SECONDS = 60.0
"""Of torch.compile on two cores, its cache empty: for the 518 weights of `tiny`. It grows with the number of layers."""
_COMPILED_WEIGHTS = 518


def onestep_rows() -> list[RowSpec]:
    """Return a row for each backend and precision, and two for PyTorch."""
    graphs = [_graph_row(backend, precision) for backend in BACKENDS for precision in get_args(Precision)]
    return [*graphs, _torch_row(EAGER, "PyTorch eager"), _torch_row(COMPILED, "torch.compile")]


def _graph_row(backend: Backend, precision: str) -> RowSpec:
    def own_bytes(workload: Workload) -> int:
        weights = _parameters(workload) * _GRAPH_BYTES[precision]
        copies = 2 * weights + 2 * workload.activation_bytes  # the exporter's and its proof's; then the session's two
        return copies + export_bytes(workload, precision)

    return RowSpec(
        name=f"{GRAPH}-{backend.name}-{precision}",
        family=GRAPH,
        label=f"One-step graph, {backend.name}, {precision}",
        steps=1,
        precision=precision,
        check=lambda workload: _check_usable(workload, backend),
        prepare=lambda workload: export_graph(workload, precision),
        open=lambda workload, steps: bundle_row(workload, graph_folder(workload, precision), backend.name),
        set_up_seconds=lambda workload: export_seconds(workload, precision),
        own_bytes=own_bytes,
        flops=lambda workload: workload.part_flops["total"],
        weight_bytes=lambda workload: _parameters(workload) * _GRAPH_BYTES[precision],
    )


def _torch_row(name: str, label: str) -> RowSpec:
    open_row = {EAGER: _open_eager, COMPILED: _open_compiled}[name]
    return RowSpec(
        name=name,
        family=name,
        label=f"One-step generator, {label}",
        steps=1,
        prepare=lambda workload: workload.module,
        open=lambda workload, steps: open_row(workload),
        set_up_seconds=_compile_seconds if name == COMPILED else lambda workload: 0.0,
        own_bytes=lambda workload: workload.activation_bytes,
        flops=lambda workload: workload.part_flops["total"],
        weight_bytes=lambda workload: _parameters(workload) * workload.dtype.itemsize,
    )


def bundle_row(workload: Workload, folder: Path, backend: str) -> OpenRow:
    """Open a bundle on a backend at the run's size, ready to be timed."""
    size, threads = workload.settings.frame_size, workload.settings.thread_count
    bundle = open_bundle(folder)
    session = open_session(SessionOptions(bundle=bundle, backend=backend, size=size, threads=threads))
    return OpenRow(
        *_call_and_stages(session, workload),
        counts_unet=False,
        close=session.close,
        measure_cold_start=lambda: cold_start(folder, backend, size, threads),
        graph_sha256=graph_hashes(bundle),
    )


def _compile_seconds(workload: Workload) -> float:
    """Estimate the time of torch.compile: next to none where the cache of an earlier run lies in the work folder."""
    if is_compiled(workload.work):
        return 0.0
    return _COMPILE_SECONDS * sum(1 for _ in workload.packed.generator.parameters()) / _COMPILED_WEIGHTS


def _check_usable(workload: Workload, backend: Backend) -> None:
    reason = backend.why_not()
    if reason is not None:
        raise BackendError(reason)
    of_processor = backend.name.endswith("-cpu")
    if of_processor != (workload.settings.device == "cpu"):
        place = "the processor" if of_processor else "a GPU"
        raise BackendError(f"it runs on {place}, and this table is of --device {workload.settings.device}")
    if workload.settings.batch > 1:
        raise BackendError("the graph takes one frame per call; run the table with --batch 1")


def _call_and_stages(session: Session, workload: Workload) -> tuple[Callable[[], list[Frame]], Stages]:
    engine, stages = session.engine, Stages(workload.clock)
    slot, frame = engine.new_slot(), workload.frames[0]

    def call() -> list[Frame]:
        with stages.stage("copies"):
            np.copyto(slot.input, frame)
        with stages.stage("graph"):
            engine.submit(slot)
            engine.wait(slot)
        return [slot.output]

    return call, stages


def _open_eager(workload: Workload) -> OpenRow:
    module, stages = workload.module, Stages(workload.clock)
    generator = module.generator
    assert isinstance(generator, OneStepGenerator)
    stages.watch(UNET, generator.unet)

    @torch.inference_mode()
    def call() -> list[Frame]:
        image = module.image_from_frame(_given(workload))
        with stages.stage("encoder"):
            latent, taps = generator.encode(image)
        clean = generator.denoise(latent, module.prompt_embedding)
        with stages.stage("decoder"):
            decoded = generator.decode(clean, taps)
        return _taken(module.frame_from_image(decoded))

    return OpenRow(call, stages, shared_bytes=module_bytes(generator))


def _open_compiled(workload: Workload) -> OpenRow:
    stages = Stages(workload.clock)
    compiled: Any = torch.compile(workload.module, dynamic=False)

    @torch.inference_mode()
    def call() -> list[Frame]:
        with stages.stage("compiled generator"):
            translated = compiled(_given(workload))
        return _taken(translated)

    return OpenRow(call, stages, counts_unet=False, shared_bytes=module_bytes(workload.module))


def _given(workload: Workload) -> torch.Tensor:
    return torch.from_numpy(np.stack(workload.frames)).to(workload.settings.device)


def _taken(translated: torch.Tensor) -> list[Frame]:
    return list(translated.cpu().numpy())


def _parameters(workload: Workload) -> int:
    return sum(parameter.numel() for parameter in workload.packed.generator.parameters())
