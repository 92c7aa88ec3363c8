"""What a run carries from step to step, put together and restored: weights, average, optimiser, validation.

Order of the pictures, learning rates and every chance are functions of the step, so they need no place here.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from onestep.errors import CheckpointError
from onestep.training.adaptation.adapted import AdaptedGenerator
from onestep.training.adaptation.trainable import trainable_tensors
from onestep.training.trainer.ema import MovingAverage


@dataclass
class TrainingState:
    """The networks and the optimiser in training, and how many steps are done."""

    generator: AdaptedGenerator
    discriminators: nn.ModuleDict
    optimiser: torch.optim.Optimizer
    average: MovingAverage
    device: torch.device
    step: int = 0
    """Steps that are done."""

    def captured(self) -> dict[str, Any]:
        """Return everything as tables of tensors and plain values, not copied."""
        return {
            "generator": {name: tensor.detach() for name, tensor in trainable_tensors(self.generator).items()},
            "average": self.average.values,
            "discriminators": dict(self.discriminators.state_dict()),
            "optimiser": self.optimiser.state_dict(),
        }

    @torch.no_grad()
    def restore(self, saved: dict[str, Any], *, source: str) -> None:
        """Take over what `captured` gave.

        Raises:
            CheckpointError: It is of other networks.
        """
        own = trainable_tensors(self.generator)
        _check_same(own, saved["generator"], source)
        for name, tensor in own.items():
            tensor.copy_(saved["generator"][name])
        self.average.load(saved["average"])
        self.discriminators.load_state_dict(saved["discriminators"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step = int(saved["step"])


def _check_same(own: dict[str, nn.Parameter], saved: dict[str, Tensor], source: str) -> None:
    different = sorted(own.keys() ^ saved.keys())
    different += [name for name in own.keys() & saved.keys() if own[name].shape != saved[name].shape]
    if different:
        raise CheckpointError(
            f"{source} is of other networks: {len(different)} tensors differ, the first {different[0]}. "
            "Was the base replaced since the run began?"
        )
