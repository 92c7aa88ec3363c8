"""What a run of either kind brings with it: networks, objective, pictures, and what is shown of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from torch import Tensor

from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.objectives.objective import Objective, Translate
from onestep.training.trainer.networks import Networks
from onestep.training.trainer.pictures import Picture, TranslatePicture
from onestep.training.trainer.plan_run import Judge
from onestep.training.trainer.prompts import PromptEncoder
from onestep.training.trainer.validation import Trial

BatchT = TypeVar("BatchT")
BatchT_co = TypeVar("BatchT_co", covariant=True)


class Batches(Protocol[BatchT_co]):
    """Batches as a function of the step."""

    def at(self, step: int, rank: int = 0, world: int = 1) -> BatchT_co:
        """Return the batch of a step for one process."""
        ...


@dataclass(frozen=True)
class Grid:
    """What a grid of samples shows."""

    columns: tuple[str, ...]
    rows: Callable[[TranslatePicture], list[list[Picture]]]


@dataclass(frozen=True)
class Task(Generic[BatchT]):
    """One kind of run, put together.

    Attributes:
        networks: All networks, on the CPU at first.
        translate: The generator in the chosen precision.
        objective: Losses and gradients of a step.
        batches: Training pictures.
        sides: Pictures of a step per place in the batch: 2 for unpaired.
        encode: Prompts.
        prompts: Of each direction, for the checkpoint.
        trials: What is validated on; made when it is asked for.
        grid: What is sampled; made when it is asked for.
        judges: What a translated picture goes through, for the memory plan.
        notes: What the user should know before the first step.
    """

    networks: Networks
    translate: Translate
    objective: Objective[BatchT]
    batches: Batches[BatchT]
    sides: int
    encode: PromptEncoder
    prompts: Mapping[Direction, str | None]
    trials: Callable[[], list[Trial]]
    grid: Callable[[], Grid]
    judges: tuple[Judge, ...]
    notes: tuple[str, ...]


def judges_of(networks: Networks, name: str) -> tuple[Judge, ...]:
    """Return what a translated picture goes through at once: discriminator `name` and the perceptual distance."""

    def distance(fake: Tensor) -> object:
        return networks.perceptual(fake, fake.detach())

    return (networks.discriminators[name], distance) if name in networks.discriminators else (distance,)


def noted(*notes: str | None) -> tuple[str, ...]:
    """Return the notes that are there."""
    return tuple(note for note in notes if note)
