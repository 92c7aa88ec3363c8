"""People, poles, and flat things of any colour and pattern: what streets have that no plan of a road foresees.

A network that has only seen planned streets takes what is blue for sky and what it does not know for something that it
does. Posters, awnings, the sides of buses: here nothing but the light decides how they look by night. That a network
meets things it cannot name, so that it has to go by their light, is domain randomisation (Tremblay et al. 2018,
`Training Deep Networks with Synthetic Data: Bridging the Reality Gap by Domain Randomization`).
"""

import colorsys

import numpy as np

from onestep.scenes.canvas import Canvas, Colour
from onestep.scenes.road import Road
from onestep.scenes.roadside import LOOP, Item
from onestep.scenes.sprite import Sprite
from onestep.scenes.texture import Floats, fractal

_PEOPLE, _PANELS, _POLES = 6, 8, 2
"""Different ones of a scene; each stands in several places."""
_CODED = 2.2
"""Colours are drawn as they look, and kept in linear light."""


def draw_clutter(rng: np.random.Generator, road: Road) -> tuple[Item, ...]:
    """Place people and poles beside the road, panels beside, along and over its edge; takes some tenths of a second."""
    people = [paint_person(rng) for _ in range(_PEOPLE)]
    panels = [paint_panel(rng) for _ in range(_PANELS)]
    standing = [_beside(rng, road, people, near=-0.5, far=4.0, along=False) for _ in range(int(rng.integers(20, 160)))]
    flat = [
        _beside(rng, road, panels, near=-0.8, far=9.0, along=bool(rng.random() < 0.6))
        for _ in range(int(rng.integers(30, 140)))
    ]
    poles = [paint_pole(rng) for _ in range(_POLES)]
    upright = [_beside(rng, road, poles, near=-0.5, far=14.0, along=False) for _ in range(int(rng.integers(0, 30)))]
    return (*standing, *flat, *upright)


def paint_person(rng: np.random.Generator) -> Sprite:
    """Paint somebody in a coat and trousers of any colour, from the front or from behind."""
    canvas, wide = Canvas(0.9, 1.85, 56), float(rng.uniform(0.19, 0.27))
    legs, coat, skin = _any_colour(rng), _any_colour(rng), (0.45, 0.28, 0.2)
    stride = float(rng.uniform(0.02, 0.16))
    for side in (-1.0, 1.0):
        foot = side * stride
        canvas.paint(canvas.outline([(foot - 0.08, 0.0), (-0.12, 0.9), (0.12, 0.9), (foot + 0.08, 0.0)]), legs, sun=0.6)
    hem = float(rng.uniform(0.45, 0.85))
    body = [(-wide, hem), (-wide * 0.85, 1.45), (-0.08, 1.56), (0.08, 1.56), (wide * 0.85, 1.45), (wide, hem)]
    canvas.paint(canvas.outline(body), _worn(rng, canvas, coat))
    for side in (-1.0, 1.0):
        shoulder, hand = side * wide * 0.8, side * (wide + 0.08)
        arm = [(hand - 0.05, 0.8), (shoulder - 0.06, 1.42), (shoulder + 0.06, 1.42), (hand + 0.05, 0.8)]
        canvas.paint(canvas.outline(arm), coat, sun=0.6, ambient=0.7)
    canvas.paint(canvas.ellipse(0.0, 1.69, 0.1, 0.13), skin if rng.random() < 0.6 else (0.03, 0.02, 0.02))
    canvas.paint(canvas.ellipse(0.0, 1.76, 0.11, 0.08), _any_colour(rng) if rng.random() < 0.3 else (0.03, 0.02, 0.015))
    return canvas.sprite()


def paint_pole(rng: np.random.Generator) -> Sprite:
    """Paint a pole for wires: a mast with beams across and insulators, where a lamp's head would be on another one."""
    tall, wide = float(rng.uniform(6.0, 13.0)), float(rng.uniform(0.6, 2.4))
    canvas, half = Canvas(wide + 0.3, tall, 26), float(rng.uniform(0.05, 0.16))
    tone = float(np.exp(rng.uniform(np.log(0.03), np.log(0.5))))
    wood: Colour = (tone, tone * float(rng.uniform(0.75, 1.0)), tone * float(rng.uniform(0.6, 1.0)))
    canvas.paint(canvas.outline([(-half, 0.0), (-0.7 * half, tall), (0.7 * half, tall), (half, 0.0)]), wood)
    for beam in range(int(rng.integers(0, 4))):
        y = tall - 0.3 - 0.6 * beam
        canvas.paint(canvas.box(-wide / 2, wide / 2, y - 0.06, y + 0.06), wood)
        for x in np.linspace(-wide / 2 + 0.08, wide / 2 - 0.08, int(rng.integers(2, 5))):
            canvas.paint(canvas.box(float(x) - 0.05, float(x) + 0.05, y, y + 0.18, 0.03), (0.4, 0.4, 0.38))
    return canvas.sprite()


def paint_panel(rng: np.random.Generator) -> Sprite:
    """Paint a flat thing, on the ground or above it: a ground colour, patches, stripes or stains, lines of writing."""
    wide, tall = float(np.exp(rng.uniform(np.log(0.8), np.log(11.0)))), float(rng.uniform(0.6, 3.6))
    foot = 0.0 if rng.random() < 0.5 else float(rng.uniform(0.4, 3.5))
    canvas = Canvas(wide, foot + tall, min(48.0, 280.0 / wide))
    face = canvas.box(-wide / 2, wide / 2, foot, foot + tall, float(rng.uniform(0.0, 0.2)))
    canvas.paint(face, _worn(rng, canvas, _any_colour(rng)), sun=float(rng.uniform(0.4, 0.9)))
    if rng.random() < 0.4:
        canvas.paint(face * _stripes(rng, canvas), _any_colour(rng))
    for _ in range(int(rng.integers(0, 9))):
        x, y = float(rng.uniform(-wide / 2, wide / 2)), foot + float(rng.uniform(0.0, tall))
        half, rise = wide * float(rng.uniform(0.03, 0.3)), tall * float(rng.uniform(0.05, 0.35))
        patch = canvas.box(x - half, x + half, y - rise, y + rise, 0.02)
        if rng.random() < 0.3:
            patch = canvas.ellipse(x, y, half, rise)
        canvas.paint(face * patch, _worn(rng, canvas, _any_colour(rng)))
    if rng.random() < 0.5:
        y, rise = foot + tall * float(rng.uniform(0.2, 0.8)), tall * float(rng.uniform(0.06, 0.2))
        letters = fractal(rng, canvas.shape, slope=0.25) > 0.1
        canvas.paint(canvas.box(-wide * 0.4, wide * 0.4, y - rise, y + rise) * letters * face, _any_colour(rng))
    return canvas.sprite()


def _beside(
    rng: np.random.Generator, road: Road, sprites: list[Sprite], *, near: float, far: float, along: bool
) -> Item:
    """Stand one of them anywhere along the road, all of it at least `near` metres outside the left or right edge."""
    sprite, side = sprites[int(rng.integers(len(sprites)))], 1 if rng.random() < 0.6 else -1
    away = float(rng.uniform(near, far)) + (0.0 if along else sprite.width / 2)
    u = road.right_edge + away if side > 0 else road.left_edge - away
    return Item(
        sprite,
        float(rng.uniform(0.0, LOOP)),
        u,
        scale=1.0 if along else float(rng.uniform(0.85, 1.1)),
        flip=bool(rng.random() < 0.5),
        side=side if along else 0,
        sun=float(rng.uniform(0.3, 1.0)),
        shadow=not along,
    )


def _any_colour(rng: np.random.Generator) -> Colour:
    """Draw a colour, often strong, as reflectance in linear light."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.random() ** 0.7, rng.uniform(0.12, 0.92))
    return red**_CODED, green**_CODED, blue**_CODED


def _worn(rng: np.random.Generator, canvas: Canvas, colour: Colour) -> Floats:
    """Give a colour folds and stains: float32 [h, w, 3]."""
    rough = 1.0 + float(rng.uniform(0.0, 0.3)) * fractal(rng, canvas.shape, slope=float(rng.uniform(0.4, 1.4)))
    return np.asarray(np.asarray(colour, np.float32) * np.clip(rough, 0.2, 1.6)[..., None], np.float32)


def _stripes(rng: np.random.Generator, canvas: Canvas) -> Floats:
    """Cover about half of the canvas with stripes of any width and direction."""
    angle, width = float(rng.uniform(0.0, np.pi)), float(np.exp(rng.uniform(np.log(0.06), np.log(1.0))))
    across = canvas.x * np.cos(angle) + canvas.y * np.sin(angle)
    return np.asarray(np.mod(across, 2 * width) < width, np.float32)
