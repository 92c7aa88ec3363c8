"""A small painter for sprites: soft-edged boxes, ellipses and convex outlines in metres."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onestep.scenes.layers import ALBEDO, ALPHA, AMBIENT, CHANNELS, EMIT, RETRO, STREET, SUN
from onestep.scenes.sprite import Sprite
from onestep.scenes.texture import Floats

Colour = tuple[float, float, float]


class Canvas:
    """A transparent picture of material; x runs right from its middle, y runs up from its foot, in metres."""

    def __init__(self, width: float, height: float, density: float) -> None:
        rows, cols = max(round(height * density), 4), max(round(width * density), 4)
        self.width, self.height = width, height
        self.x = ((np.arange(cols, dtype=np.float32) + 0.5) / cols * width - width / 2)[None, :]
        self.y = (height - (np.arange(rows, dtype=np.float32) + 0.5) / rows * height)[:, None]
        self.pixel = height / rows
        self.data = np.zeros((rows, cols, CHANNELS), np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.data.shape[0], self.data.shape[1]

    def cover(self, distance: Floats) -> Floats:
        """Turn a signed distance in metres, negative inside, into coverage 0..1."""
        return np.asarray(np.clip(0.5 - distance / self.pixel, 0.0, 1.0), np.float32)

    def box(self, left: float, right: float, low: float, high: float, corner: float = 0.0) -> Floats:
        """Give the coverage of a box with rounded corners."""
        out = np.zeros(self.shape, np.float32)
        cols = between(self.x[0], left - self.pixel, right + self.pixel)
        rows = between(self.y[:, 0], low - self.pixel, high + self.pixel)
        dx = np.abs(self.x[:, cols] - (left + right) / 2) - (right - left) / 2 + corner
        dy = np.abs(self.y[rows] - (low + high) / 2) - (high - low) / 2 + corner
        outside = np.hypot(np.maximum(dx, 0.0), np.maximum(dy, 0.0))
        out[rows, cols] = self.cover(np.asarray(outside + np.minimum(np.maximum(dx, dy), 0.0) - corner, np.float32))
        return out

    def ellipse(self, x: float, y: float, wide: float, tall: float) -> Floats:
        """Give the coverage of an ellipse with half axes `wide` and `tall`."""
        radius = np.hypot((self.x - x) / wide, (self.y - y) / tall)
        return self.cover(np.asarray((radius - 1.0) * min(wide, tall), np.float32))

    def outline(self, points: Sequence[tuple[float, float]]) -> Floats:
        """Give the coverage of a convex outline, its points in clockwise order with y up."""
        worst = np.full(self.shape, -np.inf, np.float32)
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
            np.maximum(worst, ((y1 - y0) * -(self.x - x0) + (x1 - x0) * (self.y - y0)) / length, out=worst)
        return self.cover(worst)

    def paint(
        self,
        cover: Floats,
        albedo: Colour | Floats,
        *,
        sun: Floats | float = 0.7,
        ambient: Floats | float = 0.8,
        emit: Colour | Floats = (0.0, 0.0, 0.0),
        retro: Floats | float = 0.0,
        street: float = 0.0,
    ) -> None:
        """Lay material over the picture where `cover` says; arguments as the channels of `layers`.

        Arrays have the canvas's shape, with a last axis of 3 for colours.
        """
        rows, cols = _run(np.asarray(cover.any(axis=1))), _run(np.asarray(cover.any(axis=0)))
        view = self.data[rows, cols]
        patch = np.empty_like(view)
        patch[..., ALBEDO], patch[..., EMIT] = _cut(albedo, rows, cols), _cut(emit, rows, cols)
        patch[..., SUN], patch[..., AMBIENT] = _cut(sun, rows, cols), _cut(ambient, rows, cols)
        patch[..., RETRO], patch[..., ALPHA], patch[..., STREET] = _cut(retro, rows, cols), 1.0, street
        view += (patch - view) * cover[rows, cols, None]

    def shade(self, factor: Floats | float) -> None:
        """Multiply the light that falls on the whole picture."""
        self.data[..., SUN] *= factor
        self.data[..., AMBIENT] *= factor

    def sprite(self) -> Sprite:
        """Finish the picture."""
        return Sprite.build(self.data, self.width, self.height)


def between(places: NDArray[np.floating], low: float, high: float) -> slice:
    """Give the run of places in [low, high]."""
    return _run((places >= low) & (places <= high))


def _run(wanted: NDArray[np.bool_]) -> slice:
    """Give the slice from the first to the last wanted index."""
    found = np.flatnonzero(wanted)
    return slice(int(found[0]), int(found[-1]) + 1) if found.size else slice(0, 0)


def _cut(value: Colour | Floats | float, rows: slice, cols: slice) -> Floats:
    """Take a part of a material that differs from place to place; leave an even one as it is."""
    array = np.asarray(value, np.float32)
    return array[rows, cols] if array.ndim >= 2 else array
