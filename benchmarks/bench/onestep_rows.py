"""This project's rows: the exported graph on every backend, and the same generator in PyTorch."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from bench.cold_start import cold_start
from bench.memory import module_bytes
from bench.row import OpenRow, RowSpec
from bench.stages import UNET, Stages
from bench.workload import Frame, Workload
from onestep.bundle import open_bundle
from onestep.bundle.manifest import Precision
from onestep.errors import BackendError
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.runtime.backends.choose import BACKENDS, Backend
from onestep.runtime.session import Session, SessionOptions, open_session
from onestep.training.generator import OneStepGenerator

GRAPH, EAGER, COMPILED = "graph", "eager", "compiled"
_GRAPH_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}
_PARITY_FRAMES = 2
_QUANTISE_SECONDS = 60.0
"""Of the int8 graph of `tiny` on two cores: calibration, and the trial that it is faster."""
_COMPILE_SECONDS = 60.0
"""Of torch.compile for `tiny` on two cores, its cache empty."""


def onestep_rows() -> list[RowSpec]:
    """Return a row for each backend and precision, and two for PyTorch."""
    graphs = [_graph_row(backend, precision) for backend in BACKENDS for precision in get_args(Precision)]
    return [*graphs, _torch_row(EAGER, "PyTorch eager"), _torch_row(COMPILED, "torch.compile")]


def _graph_row(backend: Backend, precision: str) -> RowSpec:
    def own_bytes(workload: Workload) -> int:
        weights = _parameters(workload) * _GRAPH_BYTES[precision]
        return 3 * weights + 2 * workload.activation_bytes  # the exporter's copy, the parity proof's and the session's

    return RowSpec(
        name=f"{GRAPH}-{backend.name}-{precision}",
        family=GRAPH,
        label=f"One-step graph, {backend.name}, {precision}",
        steps=1,
        check=lambda workload: _check_usable(workload, backend),
        prepare=lambda workload: _export(workload, precision),
        open=lambda workload, steps: _open_graph(workload, backend, precision),
        set_up_seconds=_QUANTISE_SECONDS if precision == "int8" else 0.0,
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
        open=lambda workload, steps: open_row(workload),
        set_up_seconds=_COMPILE_SECONDS if name == COMPILED else 0.0,
        own_bytes=lambda workload: workload.activation_bytes,
        flops=lambda workload: workload.part_flops["total"],
        weight_bytes=lambda workload: _parameters(workload) * workload.dtype.itemsize,
    )


def _export(workload: Workload, precision: str) -> None:
    """Put the graph into the work folder, unless a row before did."""
    bundle = workload.work / precision
    if bundle.is_dir():
        return
    options = ExportOptions(precision=precision, parity_frame_count=_PARITY_FRAMES)
    export_bundle(workload.packed, bundle, options=options)


def _open_graph(workload: Workload, backend: Backend, precision: str) -> OpenRow:
    return bundle_row(workload, workload.work / precision, backend.name)


def bundle_row(workload: Workload, bundle: Path, backend: str) -> OpenRow:
    """Open a bundle on a backend at the run's size, ready to be timed."""
    size, threads = workload.settings.frame_size, workload.settings.thread_count
    seconds = cold_start(bundle, backend, size, threads)
    options = SessionOptions(bundle=open_bundle(bundle), backend=backend, size=size, threads=threads)
    return _row_of_session(open_session(options), workload, seconds)


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


def _row_of_session(session: Session, workload: Workload, seconds: dict[str, float]) -> OpenRow:
    engine, stages = session.engine, Stages(workload.clock)
    slot, frame = engine.new_slot(), workload.frames[0]

    def call() -> list[Frame]:
        with stages.stage("copies"):
            np.copyto(slot.input, frame)
        with stages.stage("graph"):
            engine.submit(slot)
            engine.wait(slot)
        return [slot.output]

    return OpenRow(call, stages, counts_unet=False, close=session.close, cold_start=seconds)


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
