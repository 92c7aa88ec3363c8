"""The own car's bonnet at the lower edge of the picture."""

import numpy as np

from onestep.scenes.layers import ALBEDO, ALPHA, AMBIENT, CHANNELS, HOOD, SUN, Layers
from onestep.scenes.plan import Lens


def paint_hood(layers: Layers, lens: Lens) -> None:
    """Paint the own car's bonnet along the lower edge of the picture."""
    height, width = layers.depth.shape
    if lens.hood <= 0.0:
        return
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    edge = height * (1.0 - lens.hood * (1.0 - 0.4 * x * x))
    first = int(np.floor(edge.min()))
    rows = np.arange(first, height, dtype=np.float32)[:, None] + 0.5
    deep = np.clip((rows - edge) / (height * lens.hood), 0.0, 1.0)
    patch = np.zeros((rows.size, width, CHANNELS), np.float32)
    shine = 0.75 + 0.9 * np.exp(-deep * 9.0) + 0.25 * np.exp(-(((np.abs(x) - 0.45) / 0.06) ** 2))
    patch[..., ALBEDO] = np.asarray(lens.hood_tone, np.float32) * shine[..., None]
    patch[..., SUN], patch[..., AMBIENT], patch[..., ALPHA] = 0.5, 0.8, 1.0
    patch *= np.clip(rows - edge + 0.5, 0.0, 1.0)[..., None]
    layers.put(slice(first, height), slice(0, width), patch, np.full((1, 1), 1.2, np.float32), HOOD)
