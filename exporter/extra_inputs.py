"""What a generator takes beside the frame: nothing, or the noise and the strength of a stochastic one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from onestep.frame_size import FrameSize
from onestep.training.stochastic import StochasticGenerator
from onestep.training.students.generator import AnyGenerator

PROOF_STRENGTHS = (0.4, 1.0, 0.0, 0.7)
"""The published sketch model is used at the first; the others show that the graph takes it at run time."""


@dataclass(frozen=True)
class ExtraInput:
    """One float32 input of the graph beside the frame."""

    name: str
    shape: Sequence[int]
    """Lengths at the traced size."""
    free_axes: dict[int, tuple[str, int]]
    """Axes that follow the frame's: the side, `height` or `width`, and by how much it is divided."""


def extra_inputs(generator: AnyGenerator, size: FrameSize) -> list[ExtraInput]:
    """Return what the generator's `forward` takes after image and prompt, in that order."""
    if not isinstance(generator, StochasticGenerator):
        return []
    config = generator.vae.config
    reduction = 2 ** (len(config.block_out_channels) - 1)
    latent = (1, config.latent_channels, size.height // reduction, size.width // reduction)
    return [
        ExtraInput("noise", latent, {2: ("height", reduction), 3: ("width", reduction)}),
        ExtraInput("strength", (1,), {}),
    ]


def example_values(inputs: Sequence[ExtraInput], *, seed: int) -> list[Tensor]:
    """Return values to trace and to prove with: normal noise, and strengths in turn."""
    random = torch.Generator().manual_seed(seed)
    return [
        torch.randn(*given.shape, generator=random)
        if given.free_axes
        else torch.full(tuple(given.shape), PROOF_STRENGTHS[seed % len(PROOF_STRENGTHS)])
        for given in inputs
    ]
