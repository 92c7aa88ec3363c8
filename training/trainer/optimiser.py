"""AdamW (Loshchilov and Hutter 2019) for generator and discriminators, with moments in float32 or in 8 bits."""

import importlib
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import nn

from onestep.errors import MissingExtraError, SettingError
from onestep.training.trainer.settings import OptimiserSettings

GENERATOR, DISCRIMINATORS = "generator", "discriminators"
"""Names of the two groups of parameters."""


def make_optimiser(
    generator: Iterable[nn.Parameter],
    discriminators: Iterable[nn.Parameter],
    settings: OptimiserSettings,
    *,
    device: torch.device,
) -> torch.optim.Optimizer:
    """Return the optimiser, with a group for the generator and one for the discriminators, each with its own rate.

    Raises:
        SettingError: 8-bit moments were chosen for a processor.
        MissingExtraError: 8-bit moments were chosen, and bitsandbytes is not installed.
    """
    kind: Any = _eight_bit(device) if settings.eight_bit else torch.optim.AdamW
    groups = [
        {"params": list(generator), "name": GENERATOR, "lr": settings.learning_rate},
        {"params": list(discriminators), "name": DISCRIMINATORS, "lr": settings.discriminator_learning_rate},
    ]
    betas = (settings.beta1, settings.beta2)
    made = kind(groups, betas=betas, eps=settings.epsilon, weight_decay=settings.weight_decay)
    return cast(torch.optim.Optimizer, made)


def _eight_bit(device: torch.device) -> Any:
    if device.type != "cuda":
        raise SettingError(f"eight_bit needs an NVIDIA GPU, and this run is on {device}. Leave --eight-bit out.")
    try:
        return importlib.import_module("bitsandbytes").optim.AdamW8bit
    except ImportError as err:
        raise MissingExtraError(
            f"bitsandbytes is needed to keep the optimiser's moments in 8 bits and could not be imported ({err}). "
            "Install it: pip install bitsandbytes; or leave --eight-bit out."
        ) from err
