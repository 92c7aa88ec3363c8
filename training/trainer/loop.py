"""The loop: read, step, look, save, until the last step or until somebody stops it."""

import dataclasses
from typing import Any, TypeVar

import torch
from torch import Tensor

from onestep.errors import TrainingError
from onestep.frame_size import FrameSize, checked_multiple
from onestep.training.adaptation.adapted import AdaptedGenerator
from onestep.training.data import Prefetcher
from onestep.training.trainer.interrupt import Interrupt, noticed_interrupts
from onestep.training.trainer.processes import Processes
from onestep.training.trainer.state_file import saved_steps
from onestep.training.trainer.step import Stepper
from onestep.training.trainer.task import Task
from onestep.training.trainer.watch import Watcher

BatchT = TypeVar("BatchT")


def run_loop(task: Task[Any], stepper: Stepper[Any], watcher: Watcher | None, processes: Processes) -> None:
    """Train from the state's step to the last.

    Args:
        task: Where batches come from.
        stepper: What a step does.
        watcher: What the main process looks at and saves; None on the others.
        processes: This process among all.

    Raises:
        TrainingError: A loss is not finite, or memory ran out; what was saved before is whole.
        OutputError: Something could not be written; what was saved before is whole.
        KeyboardInterrupt: The user stopped it; the state was saved.
    """
    state, last = stepper.state, stepper.settings.optimiser.max_steps
    steps = range(state.step, last)

    def read(step: int) -> Any:
        return task.batches.at(step, processes.rank, processes.count)

    with noticed_interrupts() as interrupt, Prefetcher(read, steps) as reader:
        _look(watcher, processes)
        for batch in reader:
            if _step(stepper, batch, watcher, interrupt):
                _stop(watcher, processes)
            _look(watcher, processes)


def checked_size(batch: Any, generator: AdaptedGenerator) -> FrameSize:
    """Return the size in pixels of a batch's pictures.

    Raises:
        SettingError: The generator does not take that size; the message names the nearest.
    """
    picture: Tensor = getattr(batch, dataclasses.fields(batch)[0].name)
    size = FrameSize(picture.shape[-1], picture.shape[-2])
    return checked_multiple(size, frame_multiple_of(generator), what="The base")


def frame_multiple_of(generator: AdaptedGenerator) -> int:
    """Return the multiple of pixels that a generator's pictures have as sides."""
    return generator.generator(generator.directions[0]).frame_multiple


def on_device(batch: BatchT, device: torch.device) -> BatchT:
    """Return a batch with its tensors on a device."""
    tensors = {
        each.name: value.to(device)
        for each in dataclasses.fields(batch)  # type: ignore[arg-type]
        if isinstance(value := getattr(batch, each.name), Tensor)
    }
    return dataclasses.replace(batch, **tensors)  # type: ignore[type-var]


def _step(stepper: Stepper[Any], batch: Any, watcher: Watcher | None, interrupt: Interrupt) -> bool:
    """Do one step, tell of it, and return whether to stop."""
    checked_size(batch, stepper.state.generator)
    try:
        losses, stop = stepper(on_device(batch, stepper.state.device), interrupted=interrupt.asked)
    except torch.OutOfMemoryError as err:
        raise TrainingError(
            f"Memory ran out in step {stepper.state.step + 1} ({err}). Lower batch_size, or pass "
            f"--checkpoint-activations.{_saved(watcher)}"
        ) from err
    except TrainingError as err:
        raise TrainingError(f"{err}{_saved(watcher)}") from err
    if watcher is not None:
        watcher.display.step(stepper.state.step, losses)
        if stepper.state.step % stepper.settings.watch.log_every == 0:
            watcher.write(losses)
    return stop


def _look(watcher: Watcher | None, processes: Processes) -> None:
    """Sample, validate and save on the main process, while the others wait."""
    if watcher is not None:
        watcher.look()
        watcher.save_if_due()
    processes.wait()


def _stop(watcher: Watcher | None, processes: Processes) -> None:
    if watcher is not None:
        watcher.save()
        folder = watcher.folder.root
        watcher.display.say(f"Stopped after step {watcher.state.step} and saved. Go on with --resume {folder}")
    processes.wait()
    raise KeyboardInterrupt


def _saved(watcher: Watcher | None) -> str:
    """Return a sentence about the last saved state."""
    steps = saved_steps(watcher.folder.states) if watcher is not None else []
    return f" The state after step {steps[-1]} is whole: {watcher.folder.states}." if watcher and steps else ""
