"""Rain in the air: short bright streaks, drops drawn out by the exposure time."""

from collections.abc import Iterator

import numpy as np

from onestep.scenes.texture import Floats

_LAYERS = ((0.07, 0.006, 0.05), (0.17, 0.0012, 0.09))
"""Of the far drops and the near ones: brightness, share of the pixels where one begins, length over the height."""


def streaks(rng: np.random.Generator, height: int, width: int, *, slant: float, density: float) -> Floats:
    """Scatter streaks over a picture.

    Args:
        rng: Source of randomness.
        height: Of the picture in pixels.
        width: Of the picture in pixels.
        slant: How far a streak leads sideways for each pixel down; negative leads left.
        density: 1 is heavy rain, 0 is none.

    Returns:
        float32 [H, W], from 0 on: how much light they add, in units of the veil's.
    """
    out = np.zeros((height, width), np.float32)
    for strength, share, steps, side in _layers(height, slant):
        drops = (rng.random((height + steps, width + side), np.float32) < share * density) * np.float32(strength)
        _draw(out, drops, steps, abs(slant))
    return out if slant >= 0 else np.ascontiguousarray(out[:, ::-1])


def streak_tile(seed: int, height: int, width: int, *, slant: float, density: float) -> Floats:
    """Scatter streaks over a picture that goes on at the opposite side. Arguments and result as of `streaks`."""
    rng = np.random.default_rng(seed)
    out = np.zeros((height, width), np.float32)
    for strength, share, steps, side in _layers(height, slant):
        drops = (rng.random((height, width), np.float32) < share * density) * np.float32(strength)
        _draw(out, np.pad(drops, ((0, steps), (0, side)), mode="wrap"), steps, abs(slant))
    return out if slant >= 0 else np.ascontiguousarray(out[:, ::-1])


def _layers(height: int, slant: float) -> Iterator[tuple[float, float, int, int]]:
    """Give of each layer brightness, share, length in rows, and how many columns more are looked at."""
    for strength, share, length in _LAYERS:
        steps = max(int(length * height), 3)
        yield strength, share, steps, round(steps * abs(slant)) + 1


def _draw(out: Floats, drops: Floats, steps: int, slant: float) -> None:
    height, width = out.shape
    for i in range(steps):
        left = round(i * slant)
        out += drops[i : i + height, left : left + width]
