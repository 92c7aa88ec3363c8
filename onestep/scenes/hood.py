"""The own car's bonnet at the lower edge of the picture."""

import colorsys
from functools import lru_cache

import numpy as np

from onestep.scenes.layers import ALBEDO, ALPHA, AMBIENT, CHANNELS, EMIT, HOOD, SUN, Layers
from onestep.scenes.plan import Hood
from onestep.scenes.texture import Floats, fractal

_SKY: Floats = np.asarray([0.55, 0.62, 0.7], np.float32)
"""What a mirrored sky adds to the reflectance of the paint: it is as bright as the light that falls on the bonnet."""
_CODED = 2.2


def draw_any_hood(rng: np.random.Generator) -> Hood | None:
    """Draw a bonnet of any paint, shape, gloss and dirt, three times in five; else none."""
    if rng.random() > 0.6:
        return None
    height = float(np.exp(rng.uniform(np.log(0.008), np.log(0.22))))
    colour = colorsys.hsv_to_rgb(rng.random(), rng.random() * float(rng.choice([0.15, 1.0])), rng.uniform(0.08, 0.95))
    red, green, blue = (channel**_CODED for channel in colour)
    return Hood(
        height=height,
        tone=(red, green, blue),
        fall=float(rng.uniform(0.05, 1.6)),
        bend=float(rng.uniform(1.5, 6.0)),
        middle=float(rng.normal(0.0, 0.25)),
        rim=float(rng.uniform(-0.7, 0.9)),
        gloss=float(rng.choice([0.0, rng.uniform(0.05, 0.6)])),
        dirt=float(rng.choice([0.0, rng.uniform(0.05, 0.5)])),
        seed=int(rng.integers(2**31)),
    )


def paint_hood(layers: Layers, hood: Hood) -> None:
    """Paint the own car's bonnet along the lower edge of the picture."""
    height, width = layers.depth.shape
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    edge = height * (1.0 - hood.height * (1.0 - hood.fall * np.abs(x - hood.middle) ** np.float32(hood.bend)))
    first = max(int(np.floor(edge.min())), 0)
    rows = np.arange(first, height, dtype=np.float32)[:, None] + 0.5
    deep = np.clip((rows - edge) / (height * hood.height), 0.0, 1.0)
    patch = np.zeros((rows.size, width, CHANNELS), np.float32)
    shine = 0.75 + hood.rim * np.exp(-deep * 9.0) + 0.25 * np.exp(-(((np.abs(x) - 0.45) / 0.06) ** 2))
    patch[..., ALBEDO] = np.asarray(hood.tone, np.float32) * shine[..., None]
    if hood.dirt:
        patch[..., ALBEDO] *= np.clip(1.0 + hood.dirt * _stains(hood.seed, height, width)[first:], 0.2, 2.0)[..., None]
    patch[..., SUN], patch[..., AMBIENT], patch[..., ALPHA] = 0.5, 0.8, 1.0
    if hood.gloss:
        _mirror(patch, layers, rows - edge, edge, hood.gloss)
    patch *= np.clip(rows - edge + 0.5, 0.0, 1.0)[..., None]
    layers.put(slice(first, height), slice(0, width), patch, np.full((1, 1), 1.2, np.float32), HOOD)


def _mirror(patch: Floats, layers: Layers, below: Floats, edge: Floats, gloss: float) -> None:
    """Blend in what lies above the bonnet's edge, five times as high: curved paint shows most of the world."""
    height, width = layers.depth.shape
    rows = np.clip(edge - 5.0 * np.maximum(below, 0.0), 0, height - 1).astype(np.int64)
    seen = layers.surface[rows, np.arange(width)[None, :]]
    world = seen[..., ALBEDO] + _SKY * (1.0 - seen[..., ALPHA, None])
    patch[..., ALBEDO] += (world - patch[..., ALBEDO]) * np.float32(gloss)
    patch[..., EMIT] = seen[..., EMIT] * np.float32(gloss * 0.5)


@lru_cache(maxsize=4)
def _stains(seed: int, height: int, width: int) -> Floats:
    """Give the pattern of dust for a picture's size: float32 [H, W]."""
    return fractal(np.random.default_rng(seed), (height, width), slope=0.7)
