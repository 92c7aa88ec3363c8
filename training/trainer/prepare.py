"""A run made ready: pictures, base, networks, state and memory plan, each checked before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from onestep.errors import InputError, TrainingError
from onestep.machine_memory import available_bytes
from onestep.training.adaptation.trainable import count, trainable_tensors
from onestep.training.base import Base, load_base
from onestep.training.base_hash import base_sha256
from onestep.training.data import PairedFolder, UnpairedFolder, preparation, recognise_layout
from onestep.training.find_base import EMBEDDED, find_base
from onestep.training.trainer.ema import MovingAverage
from onestep.training.trainer.history import History
from onestep.training.trainer.loop import checked_size, frame_multiple_of
from onestep.training.trainer.memory_plan import MemoryPlan
from onestep.training.trainer.optimiser import make_optimiser
from onestep.training.trainer.paired_task import paired_task
from onestep.training.trainer.plan_run import limit_bytes, plan_run
from onestep.training.trainer.processes import Processes
from onestep.training.trainer.resume import described_inputs
from onestep.training.trainer.settings import PairedSettings, Settings, UnpairedSettings
from onestep.training.trainer.settings_file import kind_of
from onestep.training.trainer.state import TrainingState
from onestep.training.trainer.task import Task
from onestep.training.trainer.unpaired_task import unpaired_task
from onestep.training.trainer.usable_pictures import Tell, check_usable, untold
from onestep.training.trainer.validation import Features, packaged_features

_TINY = (
    "The base is the embedded tiny one, which trains on any machine; --base sd-turbo or a folder is the full-size one."
)


@dataclass(frozen=True)
class Prepared:
    """All that a run needs.

    Attributes:
        task: Networks, objective, pictures.
        state: At step 0, on the device.
        history: Empty.
        features: Network of the validation; None where nothing is validated.
        inputs: Hashes of pictures, texts and base, by name.
        base: Name of the base.
        licence: Licence of the weights.
        notes: What the user should know.
    """

    task: Task[Any]
    state: TrainingState
    history: History
    features: Features | None
    inputs: dict[str, str]
    base: str
    licence: str
    notes: tuple[str, ...]


def prepare(settings: Settings, processes: Processes, *, download: bool, tell: Tell = untold) -> Prepared:
    """Make a run ready.

    Args:
        settings: Everything that can be chosen.
        processes: This process among all.
        download: Whether the hub may be asked for a base that is not on this machine.
        tell: Told how many pictures were looked at.

    Raises:
        InputError: The pictures cannot be used.
        GeneratorError: The base lacks a part.
        SettingError: Settings that do not go with pictures, base or processes.
        TrainingError: The memory does not suffice; the message says what would fit.
    """
    data = _data(settings)
    how, share = preparation(settings.data.preparation), processes.share_of(settings.data.batch_size)
    place = find_base(settings.model.base, download=download)
    wanted = processes.is_main and settings.watch.validate_every
    features = packaged_features(settings.watch.features, processes.device) if wanted else None
    base = load_base(place)
    inputs = described_inputs(pictures=_paths(data), texts=_texts(data), base_sha256=base_sha256(base))
    task = _task(settings, data, base, processes)
    check_usable(data, how, multiple=frame_multiple_of(task.networks.generator), batch_size=share, tell=tell)
    _to_device(task, processes.device)
    plan = _plan(settings, task, base, processes)
    plan.check()
    if settings.machine.checkpoint_activations:
        task.networks.generator.checkpoint_activations()
    trained = count(task.networks.generator)
    return Prepared(
        task=task,
        state=_state(settings, task, processes.device),
        history=History("kid" if kind_of(settings) == "unpaired" else "distance"),
        features=features,
        inputs=inputs,
        base=base.name,
        licence=settings.model.licence or base.licence,
        notes=(
            *([_TINY] if settings.model.base == EMBEDDED else []),
            *task.notes,
            f"{trained / 1e6:.2f} M numbers are trained, on {processes.count} x {processes.device}. {plan.text()}",
        ),
    )


def _data(settings: Settings) -> UnpairedFolder | PairedFolder:
    kind = kind_of(settings)
    data = recognise_layout(Path(settings.data.data))
    found = "paired" if isinstance(data, PairedFolder) else "unpaired"
    if found != kind:
        raise InputError(
            f"{settings.data.data} was recognised as {data.layout}, and `onestep train {kind}` needs {kind} pictures. "
            f"Use `onestep train {found}`; `onestep data check` says more."
        )
    return data


def _task(settings: Settings, data: UnpairedFolder | PairedFolder, base: Base, processes: Processes) -> Task[Any]:
    if isinstance(settings, UnpairedSettings):
        assert isinstance(data, UnpairedFolder)
        return unpaired_task(settings, data, base, processes)
    assert isinstance(settings, PairedSettings) and isinstance(data, PairedFolder)
    return paired_task(settings, data, base, processes)


def _paths(data: UnpairedFolder | PairedFolder) -> dict[str, Sequence[Path]]:
    if isinstance(data, UnpairedFolder):
        return {"train A": data.train_a, "train B": data.train_b, "test A": data.test_a, "test B": data.test_b}
    return {
        "training sources": [pair.source for pair in data.train],
        "training targets": [pair.target for pair in data.train],
        "test sources": [pair.source for pair in data.test],
        "test targets": [pair.target for pair in data.test],
    }


def _texts(data: UnpairedFolder | PairedFolder) -> dict[str, Sequence[str]]:
    if isinstance(data, UnpairedFolder):
        return {"prompts": [data.prompt_a or "", data.prompt_b or ""]}
    return {"captions": [pair.caption for pair in (*data.train, *data.test)]}


def _to_device(task: Task[Any], device: torch.device) -> None:
    try:
        task.networks.to(device)
    except torch.OutOfMemoryError as err:
        raise TrainingError(
            f"The networks alone do not fit into the memory of {device} ({err}). Choose a smaller base or another "
            "discriminator."
        ) from err


def _plan(settings: Settings, task: Task[Any], base: Base, processes: Processes) -> MemoryPlan:
    """Plan the memory with the size of the first batch's pictures."""
    networks, device = task.networks, processes.device
    outside: list[nn.Module] = [*networks.outside, *([base.text_encoder] if device.type == "cpu" else [])]
    size = checked_size(task.batches.at(0, processes.rank, processes.count), networks.generator)
    text = task.encode([""])
    free = _free_bytes(device) + sum(
        tensor.untyped_storage().nbytes()
        for network in (networks.generator, networks.discriminators, *outside)
        for tensor in network.parameters()
    )
    return plan_run(
        networks.generator,
        networks.discriminators,
        frozen=outside,
        judges=task.judges,
        translate=task.translate,
        size=size,
        text_shape=(text.shape[1], text.shape[2]),
        batch_size=processes.share_of(settings.data.batch_size),
        moment_bytes=1 if settings.optimiser.eight_bit else 4,
        checkpoint_activations=settings.machine.checkpoint_activations,
        free=limit_bytes(settings.machine.memory_limit_gib, free),
    )


def _state(settings: Settings, task: Task[Any], device: torch.device) -> TrainingState:
    generator, discriminators = task.networks.generator, task.networks.discriminators
    trained = trainable_tensors(generator)
    return TrainingState(
        generator=generator,
        discriminators=discriminators,
        optimiser=make_optimiser(trained.values(), discriminators.parameters(), settings.optimiser, device=device),
        average=MovingAverage(trained, settings.optimiser.ema_decay),
        device=device,
    )


def _free_bytes(device: torch.device) -> int:
    """Return the free memory of a GPU, or of the machine or the container that this process is in."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return available_bytes()
