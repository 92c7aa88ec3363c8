"""The loop: read, step, look, save, until the last step or until somebody stops it."""

import dataclasses
from typing import Any, TypeVar

import torch
from torch import Tensor

from onestep.errors import InputError, TrainingError
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
        InputError: A picture cannot be read; the state was saved.
        OutputError: Something could not be written; what was saved before is whole.
        KeyboardInterrupt: The user stopped it; the state was saved.
    """
    state, last = stepper.state, stepper.settings.optimiser.max_steps
    steps = range(state.step, last)

    def read(step: int) -> Any:
        return task.batches.at(step, processes.rank, processes.count)

    with noticed_interrupts() as interrupt, Prefetcher(read, steps) as reader:
        _look(watcher, processes)
        try:
            for batch in reader:
                if _step(stepper, batch, watcher, interrupt):
                    _stop(watcher, processes)
                _look(watcher, processes)
        except InputError as err:
            raise InputError(f"{err}{_saved_now(watcher)}") from err


def checked_size(batch: Any, generator: AdaptedGenerator) -> FrameSize:
    """Return the size in pixels of a batch's pictures, of two sides the larger.

    Raises:
        SettingError: The generator does not take a side's size; the message names the nearest.
    """
    pictures = [picture for picture in vars(batch).values() if isinstance(picture, Tensor)]
    sizes = [FrameSize(picture.shape[-1], picture.shape[-2]) for picture in pictures]
    for size in sizes:
        checked_multiple(size, frame_multiple_of(generator), what="The base")
    return max(sizes, key=lambda size: size.pixels)


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
            f"Memory ran out in step {stepper.state.step + 1} ({err}).{_saved(watcher)} {_less_memory(stepper)}"
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


def _less_memory(stepper: Stepper[Any]) -> str:
    """Return a sentence about what takes less memory and may be done."""
    smaller = "begin a new run with a lower batch_size."
    if stepper.settings.machine.checkpoint_activations:
        return smaller.capitalize()
    return f"Go on with --resume and --checkpoint-activations, or {smaller}"


def _saved_now(watcher: Watcher | None) -> str:
    """Save, and return sentences that say so."""
    if watcher is None:
        return ""
    watcher.save()
    return (
        f" The state after step {watcher.state.step} was saved: {watcher.folder.states}. Put the pictures back as they "
        f"were and --resume {watcher.folder.root}, or begin a new run."
    )


def _saved(watcher: Watcher | None) -> str:
    """Return a sentence about the last saved state."""
    steps = saved_steps(watcher.folder.states) if watcher is not None else []
    return f" The state after step {steps[-1]} is whole: {watcher.folder.states}." if watcher and steps else ""
