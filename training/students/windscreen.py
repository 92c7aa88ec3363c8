"""What a windscreen mirrors of the dashboard below it: faint lines and veils that stay where they are in the picture.

A student that has never seen one takes a light line across the road for the edge of the own bonnet, and the asphalt
below it for paint.
"""

import numpy as np
import torch
from torch import Tensor

from onestep.training.augment import DAY_MIDDLE

MIRRORED_SHARE = 0.4
MOST_LINES = 4
STRONGEST_LINE, STRONGEST_VEIL = 0.09, 0.06
"""Of a range of 1, in the light of day."""
_LIGHT_SHARE = 0.8
"""The others are darker than what is behind them."""


def maybe_windscreen(image: Tensor, seed: int, *, middle: float = DAY_MIDDLE) -> Tensor:
    """Show a picture through a windscreen that mirrors, two fifths of the time; the same one for the same seed.

    Args:
        image: `[3, H, W]` in [-1, 1].
        seed: Of the windscreen.
        middle: Brightness, of a range of 1, that such pictures have: what is mirrored is dimmer in the same measure.

    Returns:
        A picture of the same shape and range.
    """
    rng = np.random.default_rng([seed, 1])
    if rng.random() >= MIRRORED_SHARE:
        return image
    light = torch.zeros(image.shape[1:])
    for _ in range(int(rng.integers(1, MOST_LINES + 1))):
        light = light + _edge(image.shape[1], image.shape[2], rng)
    return (image + 2.0 * middle / DAY_MIDDLE * light).clamp(-1.0, 1.0)


def _edge(height: int, width: int, rng: np.random.Generator) -> Tensor:
    """Draw an edge across the picture, `[H, W]`: a line that fades to both sides, half of the time a veil below it."""
    across = torch.linspace(-1.0, 1.0, width)
    slope, bow = rng.normal(0.0, 0.03), rng.normal(0.0, 0.02)
    row = height * (float(rng.uniform(0.2, 1.0)) + slope * across + bow * across**2)
    below = torch.arange(height)[:, None] + 0.5 - row  # [H, W] pixels
    half = float(np.exp(rng.uniform(np.log(0.5), np.log(2.5))))
    sign = 1.0 if rng.random() < _LIGHT_SHARE else -1.0
    light = sign * float(rng.uniform(0.0, STRONGEST_LINE)) * torch.exp(-0.5 * (below / half) ** 2)
    if rng.random() < 0.5:
        light = light + float(rng.uniform(0.0, STRONGEST_VEIL)) * (below / 2.0).sigmoid()
    middle, reach = float(rng.uniform(-0.7, 0.7)), float(rng.uniform(0.4, 2.5))
    return light * ((reach - (across - middle).abs()) * 4.0).sigmoid()
