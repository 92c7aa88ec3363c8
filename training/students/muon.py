"""Muon for a student's inner convolutions, AdamW for the rest: a student learns as much in fewer steps.

Momentum orthogonalised by Newton-Schulz iterations (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon),
scaled so that AdamW's learning rates hold (Liu et al. 2025, arXiv:2502.16982, section 2.2). `torch.optim.Muon` takes
matrices only, and iterates in bfloat16, which takes three times as long on processors that have no unit for it.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from onestep.training.students.network import StudentNetwork

_WEIGHT_DECAY = 1e-4
_ADAMW_BETAS = (0.9, 0.99)
_MOMENTUM = 0.95
_LINEAR, _CUBIC, _QUINTIC = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
_SMALLEST_NORM = 1e-7
_ADAMW_RMS = 0.2
"""Root of the mean square of AdamW's updates, at a learning rate of 1."""


def student_optimisers(student: StudentNetwork, learning_rate: float) -> tuple[torch.optim.Optimizer, ...]:
    """Return what trains a student: Muon for the convolutions between stem and head, AdamW for these and all biases."""
    ends = {student.stem.weight, student.head.weight}
    inner = [weight for weight in student.parameters() if weight.ndim == 4 and weight not in ends]
    chosen = set(inner)
    rest = [weight for weight in student.parameters() if weight not in chosen]
    return (
        Muon(inner, lr=learning_rate),
        torch.optim.AdamW(rest, lr=learning_rate, weight_decay=_WEIGHT_DECAY, betas=_ADAMW_BETAS),
    )


class Muon(torch.optim.Optimizer):
    """Step along the orthogonalised momentum of each weight, with decoupled weight decay.

    Args:
        weights: `[out, ...]` each, of two dimensions or more; all but the first are taken as one.
        lr: Learning rate, as one would give it to AdamW.
    """

    def __init__(self, weights: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(weights, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take one step; `closure` is there for torch's signature, and is not called."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group["lr"])

    def _move(self, weight: nn.Parameter, gradient: Tensor, rate: float) -> None:
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        momentum = state["momentum_buffer"].lerp_(gradient, 1.0 - _MOMENTUM)
        ahead = gradient.lerp(momentum, _MOMENTUM).flatten(1)  # Nesterov's
        scale = _ADAMW_RMS * math.sqrt(max(ahead.shape))
        weight.mul_(1.0 - rate * _WEIGHT_DECAY)
        weight.add_(orthogonalised(ahead).reshape(weight.shape), alpha=-rate * scale)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Bring the singular values of a matrix near 1, from 0.7 to 1.2, and leave its singular vectors.

    Args:
        matrix: `[M, N]`, floating point.

    Returns:
        `[M, N]`, in the same precision; of a matrix of zeros, zeros.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.mT if tall else matrix
    wide = wide / wide.norm().clamp(min=_SMALLEST_NORM)
    for _ in range(_ITERATIONS):
        gram = wide @ wide.mT
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=_CUBIC, alpha=_QUINTIC), wide, beta=_LINEAR)
    return wide.mT if tall else wide
