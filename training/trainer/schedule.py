"""The learning rate as a function of the step, so that a resumed run needs no schedule's state."""

import math

from onestep.training.trainer.settings import OptimiserSettings


def rate_share(step: int, settings: OptimiserSettings) -> float:
    """Return the share of the learning rate that a step uses.

    Args:
        step: Number of the step, from 0.
        settings: Warm-up, schedule, and where it ends.

    Returns:
        From 0 to 1. The first warm-up step has 1 / warmup_steps; linear and cosine fall to 0 after the last step.
    """
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    if settings.rate_schedule == "constant":
        return 1.0
    progress = (step - settings.warmup_steps) / max(settings.max_steps - settings.warmup_steps, 1)
    return 1.0 - progress if settings.rate_schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * progress))
