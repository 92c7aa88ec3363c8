"""What the camera makes of the light: glow, exposure, tone curve, softness, chroma resolution and sensor noise."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onestep.scenes.plan import Lens
from onestep.scenes.texture import Floats, grow, halve

CURVE_STEPS = 4096
CURVE_TOP = 16.0
LUMA = np.asarray([0.299, 0.587, 0.114], np.float32)


class Exposure(NamedTuple):
    """How one condition is taken: factor on the light, noise in 8-bit steps, share of glow around bright lights."""

    gain: float
    noise: float
    glow: float


def develop(light: Floats, lens: Lens, rng: np.random.Generator, exposure: Exposure) -> NDArray[np.uint8]:
    """Turn linear light, float32 [H, W, 3], into an 8-bit picture of the same size."""
    height, width = light.shape[:2]
    if exposure.glow:
        light = _glow(light, exposure.glow)
    gain = np.asarray(lens.balance, np.float32) * np.float32(lens.exposure * exposure.gain)
    light = light * (_vignette(height, width, lens.vignette)[..., None] * gain)
    place = np.sqrt(np.clip(light, 0.0, CURVE_TOP)) * np.float32((CURVE_STEPS - 1) / CURVE_TOP**0.5)
    picture = _curve(lens.contrast)[place.astype(np.int32)]
    picture = _soften(_colour(picture, lens), lens.blur * width / 512.0)
    picture += _noise(rng, picture, exposure.noise)
    return np.asarray(np.clip(picture + 0.5, 0.0, 255.0), np.uint8)


@lru_cache(maxsize=16)
def _curve(contrast: float) -> Floats:
    """Tabulate the tone curve over the root of light: soft shoulder, sRGB encoding (IEC 61966-2-1), S shape; 0..255."""
    light = (np.arange(CURVE_STEPS) / (CURVE_STEPS - 1)) ** 2 * CURVE_TOP
    held = 1.0 - np.exp(-light)
    coded = np.where(held <= 0.0031308, 12.92 * held, 1.055 * np.maximum(held, 1e-9) ** (1 / 2.4) - 0.055)
    shaped = coded * coded * (3.0 - 2.0 * coded)
    return (255.0 * (coded + (shaped - coded) * 0.6 * contrast)).astype(np.float32)


@lru_cache(maxsize=8)
def _vignette(height: int, width: int, loss: float) -> Floats:
    """Give the share of light that reaches each pixel, float32 [H, W]."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    return np.asarray(1.0 - loss * 0.5 * (x * x + y * y), np.float32)


def _colour(picture: Floats, lens: Lens) -> Floats:
    """Set saturation and, as 4:2:0 video does, keep colour at half resolution."""
    luma = (picture[..., 0:1] * LUMA[0] + picture[..., 1:2] * LUMA[1]) + picture[..., 2:3] * LUMA[2]
    colour = (picture - luma) * np.float32(lens.saturation)
    if lens.chroma:
        height, width = (picture.shape[0] // 2) * 2, (picture.shape[1] // 2) * 2
        part = colour[:height, :width]
        mean = 0.25 * (part[::2, ::2] + part[1::2, ::2] + part[::2, 1::2] + part[1::2, 1::2])
        for row in (0, 1):
            for col in (0, 1):
                part[row::2, col::2] = mean
    return np.asarray(luma + colour, np.float32)


def _soften(picture: Floats, sigma: float) -> Floats:
    """Blur with a three-tap kernel of the given standard deviation in pixels, at most 0.8."""
    side = min(sigma, 0.8) ** 2 / 2.0
    for axis in (0, 1):
        ends = np.take(picture, [0], axis), np.take(picture, [-1], axis)
        wide = np.concatenate([ends[0], picture, ends[1]], axis)
        before, after = (wide[:-2], wide[2:]) if axis == 0 else (wide[:, :-2], wide[:, 2:])
        picture = np.asarray(picture * np.float32(1 - 2 * side) + (before + after) * np.float32(side), np.float32)
    return picture


def _noise(rng: np.random.Generator, picture: Floats, sigma: float) -> Floats:
    """Draw sensor noise: mostly shared by the colours, stronger in mid-tones than in white or black."""
    height, width = picture.shape[:2]
    luma = rng.standard_normal((height, width, 1), np.float32)
    colour = rng.standard_normal(((height + 1) // 2, (width + 1) // 2, 3), np.float32)
    grain = luma * 0.85 + np.repeat(np.repeat(colour, 2, 0), 2, 1)[:height, :width] * 0.45
    tone = picture * np.float32(1 / 255.0)
    return np.asarray(grain * (np.float32(sigma) * (0.3 + 2.6 * tone * (1.0 - tone))), np.float32)


def _glow(light: Floats, share: float) -> Floats:
    """Add the halo of bright lights: copies of falling resolution, summed from coarse to fine."""
    level = np.clip(light - 0.8, 0.0, 60.0)
    levels = []
    for _ in range(6):
        level = halve(level)
        levels.append(level)
    halo = levels[-1]
    for fine in levels[-2:0:-1]:
        halo = grow(halo, fine.shape[0], fine.shape[1]) * np.float32(0.62) + fine * np.float32(0.38)
    return np.asarray(light + np.float32(share) * grow(halo, light.shape[0], light.shape[1]), np.float32)
