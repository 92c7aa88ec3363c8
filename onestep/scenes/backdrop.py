"""The far view: hills, woods or a skyline at the horizon, and the clouds; all turn with the heading only."""

from dataclasses import dataclass

import numpy as np

from onestep.scenes.camera import Camera
from onestep.scenes.layers import ALBEDO, ALPHA, AMBIENT, CHANNELS, EMIT, SUN, Layers
from onestep.scenes.plan import Colour
from onestep.scenes.texture import Floats, fractal, ramp, wrap_sample

TURN = 2048  # texels of a ridge line around the whole horizon


@dataclass(frozen=True)
class Ridge:
    """One line of hills, trees or houses: upper edge as a slope, distance, colour, contrast, lit windows or not."""

    edge: Floats
    depth: float
    colour: Colour
    relief: float
    lit: bool


@dataclass(frozen=True)
class Backdrop:
    """Ridges from far to near, with the textures they share and the clouds' pattern."""

    ridges: tuple[Ridge, ...]
    grain: Floats
    clouds: Floats

    @classmethod
    def build(cls, rng: np.random.Generator, place: str) -> "Backdrop":
        """Draw the far view of a scene."""
        ridges = [
            _draw_hills(rng, depth, height)
            for depth, height in ((7000.0, 0.035), (2600.0, 0.028))
            if rng.random() < 0.75
        ]
        if place == "urban" or (place != "rural" and rng.random() < 0.3):
            ridges.append(_draw_skyline(rng))
        ridges.append(_draw_wood(rng))
        clouds = fractal(rng, (256, 256), slope=1.55)
        return cls(tuple(ridges), fractal(rng, (128, 512), slope=0.55), clouds)


def _draw_hills(rng: np.random.Generator, depth: float, height: float) -> Ridge:
    """Draw rolling hills."""
    line = fractal(rng, (2, TURN), slope=1.7)[0]
    edge = height * float(rng.uniform(0.3, 1.3)) * np.clip(1.0 + 0.6 * line, 0.15, 3)
    green, dry = np.array([0.045, 0.065, 0.03]), np.array([0.24, 0.19, 0.1])
    tone = green + (dry - green) * rng.choice([0.0, 0.1, 0.6])
    return Ridge(edge.astype(np.float32), depth, (float(tone[0]), float(tone[1]), float(tone[2])), 0.2, False)


def _draw_wood(rng: np.random.Generator) -> Ridge:
    """Draw the line of trees and roofs that closes the view."""
    line, tops = fractal(rng, (2, TURN), slope=1.3)[0], fractal(rng, (2, TURN), slope=0.7)[1]
    edge = float(rng.uniform(0.008, 0.02)) * np.clip(1.0 + 0.55 * line + 0.28 * tops, 0.1, 3)
    tone = np.array([0.04, 0.055, 0.025]) * rng.uniform(0.7, 1.5)
    return Ridge(edge.astype(np.float32), 750.0, (float(tone[0]), float(tone[1]), float(tone[2])), 0.35, False)


def _draw_skyline(rng: np.random.Generator) -> Ridge:
    """Draw blocks of flats and towers."""
    edge = np.zeros(TURN, np.float32)
    place = 0
    while place < TURN:
        wide = int(rng.integers(4, 22))
        edge[place : place + wide] = float(rng.gamma(2.0, 0.018)) if rng.random() < 0.8 else 0.01
        place += wide
    grey = float(rng.uniform(0.15, 0.35))
    return Ridge(edge, 1100.0, (grey, grey * 0.97, grey * 0.95), 0.15, True)


def paint_backdrop(layers: Layers, camera: Camera, backdrop: Backdrop) -> None:
    """Draw all ridges down to where the ground begins."""
    angle = np.arctan(camera.tangents[0][0]) + np.float32(camera.heading)
    around = np.asarray(angle / (2 * np.pi) * TURN, np.float32)
    bottom = camera.first_ground_row
    for ridge in backdrop.ridges:
        edge = wrap_sample(ridge.edge[None, :], np.zeros_like(around), around)
        if ridge.lit:
            edge = ridge.edge[np.round(around).astype(np.int64) % TURN]
        tops = camera.horizon - camera.focal * edge
        first = int(np.clip(np.floor(tops.min()) - 1, 0, bottom))
        rows = np.arange(first, bottom, dtype=np.float32)[:, None] + 0.5
        if rows.size:
            patch = _ridge_patch(camera, ridge, backdrop.grain, around, rows)
            patch *= np.clip(rows - tops + 0.5, 0.0, 1.0)[..., None]
            layers.put(slice(first, bottom), slice(0, camera.width), patch, np.full((1, 1), ridge.depth, np.float32))


def _ridge_patch(camera: Camera, ridge: Ridge, grain: Floats, around: Floats, rows: Floats) -> Floats:
    """Give the material of a ridge before its upper edge is cut: woods and fields, or walls with windows."""
    rise = (camera.horizon - rows) / camera.focal * TURN / (2 * np.pi)
    patch = np.zeros((rows.size, around.size, CHANNELS), np.float32)
    shape = np.broadcast_shapes(rise.shape, around.shape)
    noise = wrap_sample(grain, np.broadcast_to(rise * 2.2, shape), np.broadcast_to(around * 1.2, shape))
    patch[..., ALBEDO] = np.asarray(ridge.colour, np.float32) * np.clip(1 + ridge.relief * noise, 0.3, 2)[..., None]
    patch[..., SUN], patch[..., AMBIENT], patch[..., ALPHA] = 0.55 + 0.15 * noise, 0.75, 1.0
    if ridge.lit:
        panes = (np.mod(around * 0.9, 1.0) < 0.55) & (np.mod(rise * 0.8, 1.0) < 0.5)
        on = np.sin(np.floor(around * 0.9) * 12.9898 + np.floor(rise * 0.8) * 78.233) > 0.35
        patch[..., ALBEDO] *= (1.0 - 0.4 * (panes & ~on) + 0.5 * (panes & on))[..., None]
        patch[..., EMIT] = (panes & on)[..., None] * np.asarray((0.34, 0.25, 0.14), np.float32)
    return patch


def cloud_cover(camera: Camera, backdrop: Backdrop, share: float) -> tuple[Floats, Floats]:
    """Give how much cloud every pixel above the horizon has, and its thickness pattern, each float32 [rows, W].

    The clouds are a flat sheet, so that they shrink and close up towards the horizon.
    """
    right, up = camera.tangents
    rows = up[: max(camera.first_ground_row, 1)]
    far = 1.0 / np.maximum(rows + 0.06, 0.03)
    turn = np.float32(camera.heading)
    x, y = right * np.cos(turn) + np.sin(turn), np.cos(turn) - right * np.sin(turn)
    pattern = wrap_sample(
        backdrop.clouds, np.asarray(y * far * 11.0, np.float32), np.asarray(x * far * 11.0, np.float32)
    )
    fade = ramp(rows, -0.02, 0.12)
    limit = 1.9 - 3.8 * share
    return np.asarray(ramp(pattern, limit - 0.5, limit + 0.8) * (0.35 + 0.65 * fade), np.float32), pattern
