"""What a plain CycleGAN is made of: its generator, the buffer of older outputs, the loss, the first weights."""

import itertools
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from bench.gan_row import ResidualBlock

_BLOCKS = 9


class ImageBuffer:
    """Gives the discriminator now and then an older output than the newest.

    Args:
        size: Number of pictures that are kept.
        rng: Source of chance.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self._size, self._rng = size, rng
        self._kept: list[Tensor] = []

    def exchange(self, image: Tensor) -> Tensor:
        """Return the image, or, half of the time once the buffer is full, a kept one in whose place it goes."""
        if len(self._kept) < self._size:
            self._kept.append(image)
            return image
        if self._rng.random() < 0.5:
            return image
        place = int(self._rng.integers(self._size))
        older, self._kept[place] = self._kept[place], image
        return older


def narrow_generator(width: int) -> nn.Sequential:
    """Build the ResNet generator of `bench.gan_row` with another width: `[B, 3, H, W]` in [-1, 1] to the same."""
    widths = (width, 2 * width, 4 * width)
    down = [_layer(nn.Conv2d(a, b, 3, stride=2, padding=1), b) for a, b in itertools.pairwise(widths)]
    up = [
        _layer(nn.ConvTranspose2d(b, a, 3, stride=2, padding=1, output_padding=1), a)
        for a, b in reversed(list(itertools.pairwise(widths)))
    ]
    edges = [nn.Conv2d(a, b, 7, padding=3, padding_mode="reflect") for a, b in ((3, width), (width, 3))]
    blocks = [ResidualBlock(widths[-1]) for _ in range(_BLOCKS)]
    return nn.Sequential(_layer(edges[0], width), *down, *blocks, *up, edges[1], nn.Tanh())


def least_squares(levels: Iterable[Tensor], target: float) -> Tensor:
    """Return the mean squared distance of the discriminator's values from a target (Mao et al. 2017)."""
    return torch.stack([(level - target).square().mean() for level in levels]).mean()


def _layer(convolution: nn.Module, width: int) -> nn.Module:
    return nn.Sequential(convolution, nn.InstanceNorm2d(width), nn.ReLU())


def initialised(network: nn.Module) -> nn.Module:
    """Draw a network's convolutions from N(0, 0.02), biases 0, and return it."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
