"""House fronts with windows, shop fronts and doors; windows are lit at night."""

from dataclasses import dataclass

import numpy as np

from onestep.scenes.canvas import Canvas, Colour
from onestep.scenes.sprite import Sprite
from onestep.scenes.texture import Floats, fractal

WALLS: tuple[Colour, ...] = (
    (0.55, 0.5, 0.42),
    (0.3, 0.12, 0.08),
    (0.62, 0.6, 0.56),
    (0.42, 0.36, 0.28),
    (0.25, 0.24, 0.23),
    (0.5, 0.36, 0.2),
    (0.34, 0.37, 0.4),
    (0.45, 0.22, 0.15),
    (0.7, 0.66, 0.55),
)
LAMPLIGHT: tuple[Colour, ...] = ((1.0, 0.62, 0.28), (1.0, 0.72, 0.4), (1.0, 0.85, 0.62), (0.75, 0.88, 1.0))


@dataclass(frozen=True)
class House:
    """A house: its front along the road and its end wall, which faces the camera."""

    front: Sprite
    end: Sprite


def paint_house(rng: np.random.Generator, place: str) -> House:
    """Paint one house: blocks with shops in towns, low houses with roofs elsewhere."""
    urban = place == "urban"
    floors = int(rng.integers(2, 8)) if urban else int(rng.integers(1, 3))
    floor = float(rng.uniform(2.9, 3.6))
    wall = np.asarray(WALLS[int(rng.integers(len(WALLS)))], np.float32) * np.float32(rng.uniform(0.6, 1.15))
    front = _paint_face(
        rng, wall, floors, (float(rng.uniform(9, 20)), floor), urban=urban, shops=urban and rng.random() < 0.6
    )
    return House(front, _paint_face(rng, wall, floors, (float(rng.uniform(8, 11)), floor), urban=urban, shops=False))


def _paint_face(
    rng: np.random.Generator, wall: Floats, floors: int, size: tuple[float, float], *, urban: bool, shops: bool
) -> Sprite:
    """Paint one face of a house, `size` being its width and the height of a floor."""
    width, floor = size
    roof = 0.6 if urban else 2.2
    canvas = Canvas(width, floors * floor + roof, 11.0 if urban else 14.0)
    _paint_wall(canvas, rng, wall, floors * floor)
    _paint_roof(canvas, rng, floors * floor, roof, pitched=not urban)
    _paint_windows(canvas, rng, floors, floor, shops)
    if shops:
        _paint_shops(canvas, rng, floor)
    dirt = fractal(rng, canvas.shape, slope=1.0)
    canvas.data[..., 0:3] *= np.clip(1.0 + 0.07 * dirt, 0.6, 1.4)[..., None]
    return canvas.sprite()


def _paint_wall(canvas: Canvas, rng: np.random.Generator, wall: Floats, top: float) -> None:
    """Paint the wall: courses of brick or panels, darker towards the ground."""
    rough = fractal(rng, canvas.shape, slope=0.5)
    course = float(rng.choice([0.3, 0.6, 1.5]))
    lines = np.exp(-(((np.mod(canvas.y, course) - course / 2) / 0.05) ** 2))
    tone = 1.0 + 0.05 * rough - 0.12 * lines
    ambient = np.broadcast_to(np.clip(0.55 + 0.08 * canvas.y, 0.5, 0.95), canvas.shape)
    canvas.paint(
        canvas.box(-canvas.width / 2 - 1, canvas.width / 2 + 1, -1, top),
        np.asarray(wall * tone[..., None], np.float32),
        sun=1.0,
        ambient=ambient.astype(np.float32),
    )


def _paint_roof(canvas: Canvas, rng: np.random.Generator, top: float, tall: float, *, pitched: bool) -> None:
    """Paint a pitched roof with tiles, or the cornice of a flat one."""
    half, peak = canvas.width / 2, top + tall
    red = rng.random() < 0.5
    tone: Colour = (0.22, 0.1, 0.07) if red else (0.1, 0.1, 0.11)
    if pitched:
        slope = min(tall * 0.9, half * 0.8)
        canvas.paint(
            canvas.outline([(-half, top), (-half + slope, peak), (half - slope, peak), (half, top)]), tone, sun=1.0
        )
        lines = canvas.box(-half, half, top, peak) * (np.mod(canvas.y, 0.35) < 0.08)
        canvas.data[..., 0:3] *= (1.0 - 0.25 * lines)[..., None]
        return
    canvas.paint(canvas.box(-half - 1, half + 1, top, top + tall * 0.7), (0.4, 0.38, 0.35), sun=1.0)
    canvas.paint(canvas.box(-half - 1, half + 1, top - 0.25, top), (0.12, 0.11, 0.1), sun=0.3, ambient=0.4)


def _paint_windows(canvas: Canvas, rng: np.random.Generator, floors: int, floor: float, shops: bool) -> None:
    """Paint a grid of windows with frames, which all mirror a little sky; drawn curtains are lit at night."""
    pitch = float(rng.uniform(1.8, 3.4))
    count = max(int((canvas.width - 0.8) / pitch), 2)
    pitch = canvas.width / count
    wide, tall = float(rng.uniform(0.4, 0.75)) * pitch, float(rng.uniform(0.45, 0.65)) * floor
    frame = float(rng.choice([0.1, 0.6]))
    lit_share = float(rng.uniform(0.12, 0.5))
    for level in range(1 if shops else 0, floors):
        for i in range(count):
            x, y = (i + 0.5) * pitch - canvas.width / 2, level * floor + 0.28 * floor
            _paint_window(canvas, rng, (x, y, wide, tall), frame, lit=rng.random() < lit_share)


def _paint_window(
    canvas: Canvas, rng: np.random.Generator, place: tuple[float, float, float, float], frame: float, *, lit: bool
) -> None:
    """Paint one window at (middle, sill, width, height); a light curtain by day is a lit window at night.

    So that a picture by day tells which ones to light: where nothing does, a network learns to light none.
    """
    x, y, wide, tall = place
    border = (frame, frame, frame * 0.95)
    canvas.paint(canvas.box(x - wide / 2 - 0.1, x + wide / 2 + 0.1, y - 0.12, y + tall + 0.1), border, sun=0.8)
    pane = canvas.box(x - wide / 2, x + wide / 2, y, y + tall)
    glass = float(rng.choice([0.03, 0.05], p=[0.55, 0.45]))
    curtain = 0.34 if lit else glass
    mirror = 0.05 + 0.14 * np.clip((canvas.y - y) / tall, 0, 1) * float(rng.random())
    pane_colour = np.broadcast_to(curtain + mirror, canvas.shape)[..., None] * np.asarray([0.9, 1.0, 1.12], np.float32)
    light = np.asarray(LAMPLIGHT[int(rng.integers(4))], np.float32) * np.float32(rng.uniform(0.25, 1.1) if lit else 0.0)
    blind = np.broadcast_to(0.65 + 0.35 * np.clip((canvas.y - y) / tall, 0, 1), canvas.shape)[..., None]
    canvas.paint(pane, pane_colour.astype(np.float32), sun=0.25, ambient=0.9, emit=(light * blind).astype(np.float32))
    canvas.paint(canvas.box(x - 0.04, x + 0.04, y, y + tall), border, sun=0.6)


def _paint_shops(canvas: Canvas, rng: np.random.Generator, floor: float) -> None:
    """Paint shop windows, goods behind them and a sign board above, on the ground floor."""
    half, x = canvas.width / 2, -canvas.width / 2
    goods = np.clip(0.6 + 0.22 * fractal(rng, canvas.shape, slope=1.1, stretch=0.3), 0.1, 1.3)
    while x < half - 2.0:
        wide = float(rng.uniform(3.0, 6.0))
        right = min(x + wide, half)
        light = np.asarray(LAMPLIGHT[int(rng.integers(4))], np.float32) * np.float32(rng.uniform(0.1, 2.2))
        board = rng.uniform(0.03, 0.5, 3).astype(np.float32)
        canvas.paint(
            canvas.box(x + 0.2, right - 0.2, 0.4, floor * 0.72),
            np.asarray(0.09 * goods[..., None] * np.ones(3, np.float32)),
            sun=0.25,
            emit=(light * goods[..., None] * 0.8).astype(np.float32),
        )
        glow = board * np.float32(rng.choice([0.2, 3.0]))
        letters = ((fractal(rng, canvas.shape, slope=0.4) > 0.4) & (np.abs(canvas.y - floor * 0.84) < floor * 0.06))[
            ..., None
        ]
        canvas.paint(
            canvas.box(x + 0.1, right - 0.1, floor * 0.74, floor * 0.94),
            np.where(letters, 0.6, board).astype(np.float32),
            sun=0.9,
            emit=np.where(letters, glow * 2 + 0.1, glow).astype(np.float32),
        )
        x = right
