"""Procedural patterns: tileable fractal noise, soft edges and exactly filtered bands and dashes."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fractal(rng: np.random.Generator, shape: tuple[int, int], *, slope: float, stretch: float = 1.0) -> Floats:
    """Make tileable noise whose amplitude falls with frequency to the power of `slope`.

    Args:
        rng: Source of randomness.
        shape: Height and width.
        slope: 0 is white noise, 1 is rough, 2 is cloudy.
        stretch: Above 1 the pattern is drawn out along rows, below 1 along columns.

    Returns:
        float32 [H, W], mean 0, standard deviation 1, clipped to ±3.
    """
    height, width = shape
    down = np.fft.fftfreq(height)[:, None] * height
    across = np.fft.rfftfreq(width)[None, :] * width * stretch
    radius = np.maximum(np.hypot(down, across), 1.0)
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) / radius**slope
    spectrum[0, 0] = 0.0
    noise = np.fft.irfft2(spectrum, s=shape)
    return np.clip(noise / max(float(noise.std()), 1e-9), -3.0, 3.0).astype(np.float32)


def wrap_sample(tile: Floats, down: Floats, across: Floats) -> Floats:
    """Read a tileable texture with bilinear weights at coordinates in texels, in any range."""
    height, width = tile.shape
    top, left = np.floor(down), np.floor(across)
    dy, dx = down - top, across - left
    row0, col0 = top.astype(np.int32) % height, left.astype(np.int32) % width
    row1, col1 = (row0 + 1) % height, (col0 + 1) % width
    upper = tile[row0, col0] * (1 - dx) + tile[row0, col1] * dx
    lower = tile[row1, col0] * (1 - dx) + tile[row1, col1] * dx
    return np.asarray(upper * (1 - dy) + lower * dy, np.float32)


def ramp(value: Floats, start: float, end: float) -> Floats:
    """Rise smoothly from 0 at `start` to 1 at `end` (cubic Hermite)."""
    x = np.clip((value - start) / (end - start), 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x), np.float32)


def band(value: Floats, low: float, high: float, footprint: Floats) -> Floats:
    """Give the part of a pixel's footprint that lies in [low, high]: an exactly box-filtered stripe."""
    half = 0.5 * footprint
    inside = np.minimum(value + half, high) - np.maximum(value - half, low)
    return np.asarray(np.clip(inside / footprint, 0.0, 1.0), np.float32)


def dashes(value: Floats, length: float, period: float, footprint: Floats) -> Floats:
    """Give the part of a pixel's footprint that lies on a dash, for dashes that start at multiples of `period`."""

    def painted(end: Floats) -> Floats:
        turns = np.floor(end / period)
        return np.asarray(turns * length + np.minimum(end - turns * period, length), np.float32)

    half = 0.5 * footprint
    return np.asarray((painted(value + half) - painted(value - half)) / footprint, np.float32)


def box_filter(tile: Floats, size: int, axis: int) -> Floats:
    """Average `size` neighbours of a tileable texture along an axis, centred."""
    if size <= 1:
        return tile
    pad = [(0, 0)] * tile.ndim
    pad[axis] = (size // 2 + 1, size - size // 2 - 1)
    total = np.cumsum(np.pad(tile, pad, mode="wrap"), axis=axis, dtype=np.float64)
    length = tile.shape[axis]
    high = np.take(total, np.arange(size, size + length), axis=axis)
    low = np.take(total, np.arange(length), axis=axis)
    return ((high - low) / size).astype(np.float32)


def halve(picture: Floats) -> Floats:
    """Average 2x2 pixels; an odd last row or column is doubled."""
    even = picture
    if picture.shape[0] % 2 or picture.shape[1] % 2:
        even = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
    rows = even[::2] + even[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25), np.float32)


def grow(picture: Floats, height: int, width: int) -> Floats:
    """Enlarge with linear weights."""
    for axis, count in ((0, height), (1, width)):
        size = picture.shape[axis]
        place = np.clip((np.arange(count) + 0.5) * size / count - 0.5, 0.0, size - 1.0)
        low = place.astype(np.int32)
        part = (place - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        high = np.minimum(low + 1, size - 1)
        picture = picture.take(low, axis=axis) * (1 - part) + picture.take(high, axis=axis) * part
    return picture
