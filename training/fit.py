"""The optimiser's loop, shared by everything that is trained here from a batch to a scalar loss."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from onestep.errors import TrainingError

_Module = TypeVar("_Module", bound=nn.Module)


@dataclass(frozen=True)
class FitOptions:
    """How long and how fast."""

    steps: int
    learning_rate: float
    warmup_steps: int = 100
    final_rate_share: float = 0.05
    """The cosine schedule ends at this share of `learning_rate`."""
    ema_decay: float = 0.995
    """Decay of the weights' moving average, which is what `fit` leaves in the module (Polyak and Juditsky 1992)."""
    clip_norm: float = 1.0
    report_every: int = 50


def fit(
    module: _Module,
    loss_of_step: Callable[[int], Tensor],
    *,
    options: FitOptions,
    log: Callable[[str], None],
    on_report: Callable[[int, _Module], None] = lambda step, average: None,
) -> _Module:
    """Minimise a loss with AdamW, and return a copy of the module with the moving average of its weights.

    Args:
        module: What is trained, in place.
        loss_of_step: Computes the loss of step 0, 1, ...
        options: Number of steps, rates.
        log: Takes a line of text now and then.
        on_report: Called with the step and the averaged module when a line is logged.

    Raises:
        TrainingError: A loss or a gradient is not finite. The module holds the weights of the step before.
    """
    average = copy.deepcopy(module).requires_grad_(False)
    optimiser = torch.optim.AdamW(module.parameters(), lr=options.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate_share(step, options))
    running, begun = 0.0, time.monotonic()
    for step in range(options.steps):
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of_step(step)
        _check_finite(loss, "loss", step, options)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(module.parameters(), options.clip_norm)
        _check_finite(norm, "gradient", step, options)
        optimiser.step()
        schedule.step()
        _follow(average, module, min(options.ema_decay, (1 + step) / (10 + step)))
        running += float(loss.detach())
        if (step + 1) % options.report_every == 0:
            seconds = time.monotonic() - begun
            log(f"step {step + 1}/{options.steps} loss {running / options.report_every:.4f} after {seconds:.0f} s")
            on_report(step + 1, average)
            running = 0.0
    return average


def _check_finite(scalar: Tensor, what: str, step: int, options: FitOptions) -> None:
    if not torch.isfinite(scalar):
        raise TrainingError(
            f"The {what} of step {step + 1} is {float(scalar.detach())}. Lower the learning rate "
            f"({options.learning_rate:g}), and check the pictures."
        )


def _rate_share(step: int, options: FitOptions) -> float:
    warm = min(1.0, (step + 1) / options.warmup_steps)
    progress = torch.tensor(torch.pi * step / options.steps)
    cosine = 0.5 * (1.0 + float(torch.cos(progress)))
    return warm * (options.final_rate_share + (1.0 - options.final_rate_share) * cosine)


@torch.no_grad()
def _follow(average: nn.Module, module: nn.Module, decay: float) -> None:
    for ours, theirs in zip(average.parameters(), module.parameters(), strict=True):
        ours.lerp_(theirs, 1.0 - decay)
