"""What stands along a road: signs, poles, rails, barriers, fences, hedges and banks."""

import numpy as np

from onestep.scenes.canvas import Canvas, Colour
from onestep.scenes.sprite import Sprite
from onestep.scenes.texture import Floats, fractal, ramp


def paint_sign(rng: np.random.Generator, kind: str) -> Sprite:
    """Paint a sign on a post: round, triangle, diamond, plate or the big green board of highways."""
    wide, tall, foot = {"board": (4.4, 2.4, 4.6), "plate": (0.9, 1.2, 1.9)}.get(kind, (0.95, 0.95, 2.0))
    canvas = Canvas(wide + 0.1, foot + tall + 0.05, 26 if kind == "board" else 60)
    for x in (-wide * 0.35, wide * 0.35) if kind == "board" else (0.0,):
        canvas.paint(canvas.box(x - 0.05, x + 0.05, 0.0, foot + tall * 0.5), (0.3, 0.3, 0.3))
    middle, half = foot + tall / 2, wide / 2
    white, red, yellow = (0.7, 0.7, 0.7), (0.45, 0.02, 0.02), (0.7, 0.4, 0.02)
    if kind == "round":
        _paint_two(
            canvas,
            canvas.ellipse(0, middle, half, half),
            red,
            canvas.ellipse(0, middle, half * 0.72, half * 0.72),
            white,
        )
    elif kind == "triangle":
        outer = [(-half, foot), (0.0, foot + tall * 0.9), (half, foot)]
        inner = [(-half * 0.62, foot + 0.12), (0.0, foot + tall * 0.68), (half * 0.62, foot + 0.12)]
        _paint_two(canvas, canvas.outline(outer), red, canvas.outline(inner), white)
    elif kind == "diamond":
        outer = [(-half, middle), (0.0, middle + half), (half, middle), (0.0, middle - half)]
        _paint_two(
            canvas,
            canvas.outline(outer),
            yellow,
            canvas.box(-0.12, 0.12, middle - 0.2, middle + 0.2),
            (0.02, 0.02, 0.02),
        )
    else:
        back = [(0.01, 0.16, 0.07), (0.02, 0.07, 0.3), (0.6, 0.6, 0.6)][int(rng.integers(2 if kind == "board" else 3))]
        _paint_board(canvas, rng, (half, foot, tall), back)
    return canvas.sprite()


def _paint_two(canvas: Canvas, outer: Floats, edge: Colour, inner: Floats, face: Colour) -> None:
    """Paint a sign's border and its face."""
    canvas.paint(outer, edge, retro=0.8)
    canvas.paint(inner, face, retro=0.8 if face[0] > 0.1 else 0.1)


def _paint_board(canvas: Canvas, rng: np.random.Generator, place: tuple[float, float, float], back: Colour) -> None:
    """Paint a board with a border and lines of writing."""
    half, foot, tall = place
    ink: Colour = (0.7, 0.7, 0.7) if back[0] < 0.4 else (0.03, 0.03, 0.03)
    canvas.paint(canvas.box(-half, half, foot, foot + tall, 0.08), ink, retro=0.7)
    canvas.paint(canvas.box(-half + 0.06, half - 0.06, foot + 0.06, foot + tall - 0.06, 0.06), back, retro=0.7)
    letters = fractal(rng, canvas.shape, slope=0.25) > 0.1
    for i in range(3):
        y, reach = foot + tall * (0.22 + 0.27 * i), half * float(rng.uniform(0.4, 0.85))
        canvas.paint(canvas.box(-half * 0.85, reach, y - tall * 0.06, y + tall * 0.06) * letters, ink, retro=0.7)


def paint_rail(rng: np.random.Generator, kind: str) -> Sprite:
    """Paint a stretch of what runs along a road, repeatable: rail, barrier, fence, hedge, wall or bank."""
    wide, tall = {
        "rail": (16.0, 0.8),
        "barrier": (24.0, 0.95),
        "fence": (12.0, 1.8),
        "hedge": (24.0, 1.9),
        "wall": (24.0, 3.4),
        "bank": (96.0, 9.0),
    }[kind]
    canvas = Canvas(wide, tall, {"bank": 8.0, "hedge": 20.0, "wall": 16.0}.get(kind, 32.0))
    if kind == "bank":
        _paint_bank(canvas, rng)
    elif kind == "hedge":
        _paint_hedge(canvas, rng)
    elif kind in ("barrier", "wall"):
        _paint_concrete(canvas, rng, kind)
    else:
        _paint_posts(canvas, rng, kind)
    return canvas.sprite()


def _paint_posts(canvas: Canvas, rng: np.random.Generator, kind: str) -> None:
    """Paint a steel rail on posts, or a fence of slats."""
    rough = 1.0 + 0.08 * fractal(rng, canvas.shape, slope=0.6)
    step, thick = (2.0, 0.08) if kind == "rail" else (0.16, 0.055)
    post = np.clip((thick - np.abs(np.mod(canvas.x, step) - step / 2)) / canvas.pixel + 0.5, 0, 1) * np.ones_like(
        canvas.y
    )
    tone = np.asarray((0.42, 0.43, 0.44) if kind == "rail" else (0.22, 0.15, 0.09), np.float32)
    canvas.paint(post.astype(np.float32), (tone * 0.8 * rough[..., None]).astype(np.float32))
    low, high = (0.42, 0.76) if kind == "rail" else (1.3, 1.42)
    wave = 0.62 + 0.3 * np.cos((canvas.y - 0.59) * 36.0) + 0.0 * canvas.x
    canvas.paint(
        canvas.box(-canvas.width, canvas.width, low, high),
        (tone * rough[..., None]).astype(np.float32),
        sun=wave.astype(np.float32),
        ambient=(0.3 + 0.6 * wave).astype(np.float32),
    )


def _paint_concrete(canvas: Canvas, rng: np.random.Generator, kind: str) -> None:
    """Paint a concrete barrier or a noise wall: joints, streaks of dirt, a darker foot."""
    grey = np.asarray((0.36, 0.35, 0.32), np.float32) * np.float32(rng.uniform(0.6, 1.15))
    streak = fractal(rng, canvas.shape, slope=0.8, stretch=3.0)
    stain = fractal(rng, canvas.shape, slope=1.2)
    step = 6.0 if kind == "barrier" else 4.0
    joint = np.exp(-(((np.mod(canvas.x, step) - step / 2) / 0.05) ** 2))
    tone = np.clip(1.0 + 0.1 * streak + 0.1 * stain - 0.5 * joint, 0.3, 1.5)
    rise = np.clip(canvas.y / canvas.height, 0, 1) + 0.0 * canvas.x
    light = (0.5 + 0.4 * rise).astype(np.float32)
    canvas.paint(
        np.ones(canvas.shape, np.float32), (grey * tone[..., None]).astype(np.float32), sun=light, ambient=light
    )


def _paint_hedge(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a hedge with a ragged top."""
    fine, coarse = fractal(rng, canvas.shape, slope=0.4), fractal(rng, canvas.shape, slope=0.9)
    top = canvas.height * (0.72 + 0.16 * np.clip(coarse, -1.5, 1.5))
    cover = np.clip((top - canvas.y) * 4.0 + fine * 0.8, 0, 1)
    light = np.clip(0.3 + 0.35 * canvas.y / canvas.height + 0.25 * fine + 0.15 * coarse, 0.03, 1).astype(np.float32)
    leaf = np.asarray((0.06, 0.09, 0.03), np.float32) * np.float32(rng.uniform(0.7, 1.4))
    canvas.paint(
        cover.astype(np.float32),
        (leaf * np.clip(1 + 0.25 * fine, 0.3, 2)[..., None]).astype(np.float32),
        sun=light,
        ambient=light,
    )


def _paint_bank(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a grassy slope with bare patches and scrub."""
    rows, cols = canvas.shape
    ridge = fractal(rng, (2, cols), slope=2.0)[0]
    ridge = ridge - ridge.mean()
    top = canvas.height * np.clip(0.6 + 0.16 * ridge, 0.15, 0.95)[None, :]
    fine, coarse = fractal(rng, canvas.shape, slope=0.5), fractal(rng, canvas.shape, slope=1.0)
    dry, green = np.asarray((0.36, 0.27, 0.14), np.float32), np.asarray((0.08, 0.11, 0.035), np.float32)
    mix = np.clip(rng.uniform(0.0, 1.0) + 0.25 * coarse, 0, 1)[..., None]
    albedo = (dry * mix + green * (1 - mix)) * np.clip(1 + 0.1 * fine + 0.1 * coarse, 0.4, 1.8)[..., None]
    scrub = ramp(coarse * 0.95 + fine * 0.25, 1.1, 1.5)[..., None]
    albedo += (np.asarray((0.04, 0.055, 0.02), np.float32) - albedo) * scrub
    cover = np.clip((top - canvas.y) / canvas.pixel + 0.9 * fine, 0, 1)
    light = (np.clip(0.72 + 0.1 * fine + 0.06 * coarse, 0.2, 1) * np.ones((rows, 1), np.float32)).astype(np.float32)
    canvas.paint(cover.astype(np.float32), albedo.astype(np.float32), sun=light, ambient=light)
