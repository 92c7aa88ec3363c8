"""One step of training: all gradients, then one step of the optimiser for generator and discriminators each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from onestep.errors import TrainingError
from onestep.training.objectives.objective import Objective
from onestep.training.trainer.chance import StepChance, seed_step
from onestep.training.trainer.optimiser import DISCRIMINATORS, GENERATOR
from onestep.training.trainer.processes import Processes
from onestep.training.trainer.schedule import rate_share
from onestep.training.trainer.settings import Settings
from onestep.training.trainer.state import TrainingState

BatchT = TypeVar("BatchT")
_INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Stepper(Generic[BatchT]):
    """Goes one step further."""

    state: TrainingState
    objective: Objective[BatchT]
    processes: Processes
    settings: Settings
    batch_size: int
    """Pictures of this process."""

    def __call__(self, batch: BatchT, *, interrupted: bool) -> tuple[dict[str, float], bool]:
        """Do one step.

        Args:
            batch: Pictures of this process, on its device.
            interrupted: Whether this process was asked to stop.

        Returns:
            The losses and the gradients' norms, means over all processes; whether any process was asked to stop.

        Raises:
            TrainingError: A loss or a gradient is not finite. The weights are those of the step before.
        """
        step, optimiser = self.state.step, self.state.optimiser
        seed_step(self.settings.machine.seed, step, self.processes.rank)
        self._set_rates(step)
        optimiser.zero_grad(set_to_none=True)
        losses = self.objective.backward(batch, self._chance(step))
        means = self.processes.means({**losses, _INTERRUPTED: torch.tensor(float(interrupted))})
        stop = means.pop(_INTERRUPTED) > 0
        means |= self._limited_gradients()
        _check_finite(means, step, self.settings.optimiser.learning_rate)
        optimiser.step()
        self.state.average.update(step)
        self.state.step = step + 1
        return means, stop

    def _chance(self, step: int) -> StepChance:
        first = self.processes.rank * self.batch_size
        return StepChance(self.settings.machine.seed, step, first, self.batch_size)

    def _set_rates(self, step: int) -> None:
        share, chosen = rate_share(step, self.settings.optimiser), self.settings.optimiser
        rates = {GENERATOR: chosen.learning_rate, DISCRIMINATORS: chosen.discriminator_learning_rate}
        for group in self.state.optimiser.param_groups:
            group["lr"] = share * rates[group["name"]]

    def _limited_gradients(self) -> dict[str, float]:
        """Average the gradients over processes, shorten those that are too long, and return their norms before."""
        norms = {}
        for group in self.state.optimiser.param_groups:
            self.processes.average_gradients(group["params"])
            norm: Tensor = nn.utils.clip_grad_norm_(group["params"], self.settings.optimiser.clip_norm)
            norms[f"gradient_{group['name']}"] = float(norm)
        return norms


def _check_finite(values: Mapping[str, float], step: int, rate: float) -> None:
    wrong = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
    if wrong:
        raise TrainingError(
            f"Training stopped in step {step + 1}: {', '.join(wrong)}. Nothing of that step was kept. Check the "
            "pictures with `onestep data check`, and begin a new run with a learning rate below "
            f"{rate:g} or with --precision fp32."
        )
