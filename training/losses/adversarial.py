"""Adversarial objectives on the logits of a discriminator with several levels.

`multilevel_sigmoid` is the vision-aided objective (Kumari et al. 2022): binary cross-entropy per level, real is 1 and
fake is 0. `multilevel_sigmoid_s` smooths the real side to 0.8, for the generator too. `hinge` is Lim & Ye (2017).
Levels are summed; each is a mean over pictures and places.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from onestep.errors import UnknownNameError

AdversarialKind = Literal["multilevel_sigmoid", "multilevel_sigmoid_s", "hinge"]

REAL_TARGETS: Final[dict[str, float]] = {"multilevel_sigmoid": 1.0, "multilevel_sigmoid_s": 0.8}


def generator_loss(logits: Sequence[Tensor], kind: AdversarialKind) -> Tensor:
    """Return the generator's loss for the discriminator's logits on its pictures, a float32 scalar.

    Args:
        logits: One tensor `[B, ...]` per level.
        kind: The objective.

    Raises:
        UnknownNameError: There is no such objective.
    """
    if kind == "hinge":
        return _summed(logits, lambda level: -level.mean())
    return _summed(logits, _cross_entropy(_real_target(kind)))


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor], kind: AdversarialKind) -> Tensor:
    """Return the discriminator's loss, `real_loss` plus `fake_loss`, without a factor of one half.

    Args:
        real: Logits on pictures of the domain, one tensor `[B, ...]` per level.
        fake: Logits on the generator's pictures, which were detached from it.
        kind: The objective.
    """
    return real_loss(real, kind) + fake_loss(fake, kind)


def real_loss(logits: Sequence[Tensor], kind: AdversarialKind) -> Tensor:
    """Return the discriminator's loss on pictures of the domain, a float32 scalar."""
    if kind == "hinge":
        return _summed(logits, lambda level: F.relu(1.0 - level).mean())
    return _summed(logits, _cross_entropy(_real_target(kind)))


def fake_loss(logits: Sequence[Tensor], kind: AdversarialKind) -> Tensor:
    """Return the discriminator's loss on the generator's pictures, a float32 scalar."""
    if kind == "hinge":
        return _summed(logits, lambda level: F.relu(1.0 + level).mean())
    _real_target(kind)
    return _summed(logits, _cross_entropy(0.0))


def _real_target(kind: str) -> float:
    if kind not in REAL_TARGETS:
        raise UnknownNameError("adversarial objective", kind, get_args(AdversarialKind))
    return REAL_TARGETS[kind]


def _cross_entropy(target: float) -> Callable[[Tensor], Tensor]:
    return lambda level: F.binary_cross_entropy_with_logits(level, torch.full_like(level, target))


def _summed(logits: Sequence[Tensor], loss: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack([loss(level.float()) for level in logits]).sum()
