"""Vehicles painted from behind, from the front and from the side."""

from dataclasses import dataclass

import numpy as np

from onestep.scenes.canvas import Canvas, Colour
from onestep.scenes.sprite import Sprite
from onestep.scenes.texture import Floats

PAINTS: tuple[Colour, ...] = (
    (0.72, 0.72, 0.7),
    (0.6, 0.6, 0.6),
    (0.03, 0.03, 0.035),
    (0.015, 0.015, 0.018),
    (0.35, 0.36, 0.37),
    (0.12, 0.13, 0.14),
    (0.35, 0.02, 0.025),
    (0.03, 0.07, 0.25),
    (0.02, 0.04, 0.1),
    (0.3, 0.26, 0.2),
    (0.05, 0.12, 0.08),
    (0.2, 0.2, 0.22),
)
BLACK: Colour = (0.02, 0.02, 0.022)
TAIL: Colour = (5.0, 0.16, 0.09)
HEAD: Colour = (42.0, 40.0, 34.0)
KINDS = ("sedan", "hatch", "suv", "van", "truck")
SHARES = (0.34, 0.26, 0.22, 0.1, 0.08)


@dataclass(frozen=True)
class Body:
    """Measures of a vehicle in metres: outer box, belt line below the windows, half roof width, boot, nose."""

    wide: float
    tall: float
    long: float
    belt: float
    roof: float
    boot: float
    nose: float


BODIES = {
    "sedan": Body(1.82, 1.45, 4.7, 0.95, 0.68, 0.75, 1.2),
    "hatch": Body(1.78, 1.5, 4.1, 0.95, 0.69, 0.12, 1.0),
    "suv": Body(1.92, 1.74, 4.7, 1.08, 0.77, 0.08, 1.15),
    "van": Body(2.0, 2.4, 5.6, 1.25, 0.9, 0.0, 0.8),
    "truck": Body(2.5, 3.7, 10.0, 1.6, 1.22, 0.0, 0.0),
}


@dataclass(frozen=True)
class Model:
    """The painted parts of one vehicle: lower body and cabin from behind, the front and the side (rear end left)."""

    body: Body
    rear: Sprite
    rear_cabin: Sprite
    front: Sprite
    front_cabin: Sprite
    side: Sprite
    side_cabin: Sprite


def paint_vehicle(rng: np.random.Generator, kind: str) -> Model:
    """Paint all sides of one vehicle."""
    body = BODIES[kind]
    paint = np.asarray(PAINTS[int(rng.integers(len(PAINTS)))]) * rng.uniform(0.85, 1.1)
    colour: Colour = (float(paint[0]), float(paint[1]), float(paint[2]))
    big = kind in ("van", "truck")
    return Model(
        body,
        rear=_paint_rear(rng, body, colour),
        rear_cabin=_paint_cabin_end(body, colour, dark=big, rear=True),
        front=_paint_front(rng, body, colour),
        front_cabin=_paint_cabin_end(body, colour, dark=False, rear=False),
        side=_paint_side(body, colour),
        side_cabin=_paint_side_cabin(body, colour, solid=big),
    )


def _nose_drop(body: Body) -> float:
    """Give how far the bonnet's edge lies below the belt line."""
    return 0.17 if body.tall < 2 else 0.0


def _end_canvas(body: Body, colour: Colour, top: float) -> Canvas:
    """Start the lower body as seen from an end: tyres, shell, bumper, shadow underneath."""
    half = body.wide / 2
    canvas = Canvas(body.wide + 0.06, body.belt + 0.1, 90 if body.tall < 2 else 55)
    canvas.paint(canvas.box(-half + 0.1, half - 0.1, 0.12, 0.5), BLACK, sun=0.05, ambient=0.15)
    for side in (-1, 1):
        x = side * (half - 0.2)
        canvas.paint(canvas.box(x - 0.12, x + 0.12, 0.0, 0.5, 0.05), BLACK, sun=0.2, ambient=0.4)
    rise = np.clip((canvas.y - 0.25) / (body.belt - 0.2), 0.0, 1.0) + 0.0 * canvas.x
    canvas.paint(
        canvas.box(-half, half, 0.26, top, 0.17),
        colour,
        sun=(0.3 + 0.5 * rise).astype(np.float32),
        ambient=(0.42 + 0.45 * rise).astype(np.float32),
    )
    dim: Colour = (colour[0] * 0.6, colour[1] * 0.6, colour[2] * 0.6)
    canvas.paint(canvas.box(-half + 0.05, half - 0.05, 0.5, 0.52), dim, sun=0.3, ambient=0.4)
    return canvas


def _paint_rear(rng: np.random.Generator, body: Body, colour: Colour) -> Sprite:
    """Paint the lower body from behind: lamps, plate, boot lid, reflectors."""
    canvas, half = _end_canvas(body, colour, body.belt + 0.05), body.wide / 2
    low, high = body.belt - 0.3, body.belt - float(rng.uniform(0.06, 0.14))
    canvas.paint(canvas.box(-half + 0.35, half - 0.35, body.belt - 0.02, body.belt + 0.01), BLACK, sun=0.3)
    wide = float(rng.uniform(0.2, 0.42))
    braking = 2.6 if rng.random() < 0.25 else 1.0
    glow = (TAIL[0] * braking, TAIL[1] * braking, TAIL[2] * braking)
    for side in (-1, 1):
        inner, outer = sorted((side * (half - 0.05), side * (half - 0.05 - wide)))
        canvas.paint(canvas.box(inner, outer, low, high, 0.05), (0.3, 0.012, 0.012), emit=glow, retro=0.08)
        canvas.paint(canvas.box(inner, outer, low, low + 0.05), (0.5, 0.4, 0.36), emit=(1.2, 0.1, 0.05))
        reflector = side * (half - 0.2)
        canvas.paint(canvas.box(reflector - 0.1, reflector + 0.1, 0.36, 0.4), (0.3, 0.01, 0.01), retro=0.15)
    canvas.paint(canvas.box(-0.26, 0.26, 0.56, 0.68, 0.02), (0.7, 0.7, 0.66), emit=(0.07, 0.068, 0.06), retro=0.09)
    canvas.paint(canvas.box(-half + 0.15, half - 0.15, 0.26, 0.36), BLACK, sun=0.2, ambient=0.4)
    return canvas.sprite()


def _paint_front(rng: np.random.Generator, body: Body, colour: Colour) -> Sprite:
    """Paint the lower body from the front: headlamps, grille, plate, intake."""
    canvas, half = _end_canvas(body, colour, body.belt - _nose_drop(body) + 0.05), body.wide / 2
    canvas.paint(canvas.box(-half * 0.55, half * 0.55, 0.52, body.belt - 0.2, 0.05), BLACK, sun=0.3, ambient=0.4)
    canvas.paint(canvas.box(-half * 0.6, half * 0.6, 0.3, 0.44, 0.04), BLACK, sun=0.2, ambient=0.3)
    tall = float(rng.uniform(0.12, 0.2))
    for side in (-1, 1):
        inner, outer = sorted((side * (half - 0.06), side * (half - 0.42)))
        canvas.paint(canvas.box(inner, outer, 0.62, 0.62 + tall, 0.05), (0.55, 0.56, 0.58), emit=HEAD, sun=0.8)
    canvas.paint(canvas.box(-0.26, 0.26, 0.42, 0.53, 0.02), (0.7, 0.7, 0.66), retro=0.08)
    return canvas.sprite()


def _paint_cabin_end(body: Body, colour: Colour, *, dark: bool, rear: bool) -> Sprite:
    """Paint roof, pillars and window from behind or the front; the foot reaches below the belt line."""
    half, foot = body.wide / 2 - 0.07, 0.3
    tall = body.tall - body.belt
    canvas = Canvas(body.wide, tall + foot, 90 if body.tall < 2 else 40)
    shell = [
        (-half, 0.0),
        (-half, foot),
        (-body.roof, foot + tall - 0.05),
        (-body.roof + 0.12, foot + tall),
        (body.roof - 0.12, foot + tall),
        (body.roof, foot + tall - 0.05),
        (half, foot),
        (half, 0.0),
    ]
    canvas.paint(canvas.outline(shell), colour, sun=0.75, ambient=0.85)
    if dark and rear:
        canvas.paint(canvas.box(-0.015, 0.015, 0.0, foot + tall - 0.1), BLACK, sun=0.3)
        canvas.paint(
            canvas.box(-half, half, foot + tall - 0.12, foot + tall - 0.06), (0.3, 0.02, 0.02), emit=(0.2, 0.01, 0.01)
        )
        return canvas.sprite()
    top, inset = foot + min(tall - 0.12, 0.95), 0.1
    pane = [
        (-half + inset, foot + 0.02),
        (-body.roof + inset, top),
        (body.roof - inset, top),
        (half - inset, foot + 0.02),
    ]
    rise = np.clip((canvas.y - foot) / tall, 0, 1) + 0.0 * canvas.x
    glass = (0.03 + 0.13 * rise)[..., None] * np.asarray([0.85, 0.95, 1.1], np.float32)
    canvas.paint(canvas.outline(pane), glass.astype(np.float32), sun=0.35, ambient=0.9)
    for x in (-0.35, 0.35):
        canvas.paint(canvas.ellipse(x, foot + 0.2, 0.09, 0.14) * 0.35, BLACK, sun=0.2, ambient=0.4)
    if rear:
        canvas.paint(canvas.box(-0.16, 0.16, top - 0.03, top), (0.3, 0.02, 0.02), emit=(0.6, 0.03, 0.02))
    return canvas.sprite()


def _side_outline(canvas: Canvas, body: Body) -> Floats:
    """Give the lower body's outline from the side: rounded tail, falling bonnet, raised sills at the ends."""
    half, belt, drop = body.long / 2, body.belt + 0.03, _nose_drop(body)
    points = [(-half + 0.12, 0.26), (-half, 0.4), (-half + 0.02, belt - 0.2), (-half + 0.14, belt - 0.02)]
    points += [(-half + body.boot + 0.2, belt), (half - body.nose, belt), (half - 0.3, belt - drop * 0.7)]
    return canvas.outline([*points, (half - 0.06, belt - drop * 1.4), (half, 0.5), (half - 0.1, 0.26)])


def _paint_side(body: Body, colour: Colour) -> Sprite:
    """Paint the lower body from the side, rear end left: wheels, sills, door gaps, handles, side lamps."""
    canvas, half = Canvas(body.long, body.belt + 0.06, 45 if body.tall < 2 else 26), body.long / 2
    rise = np.clip((canvas.y - 0.25) / (body.belt - 0.2), 0.0, 1.0) + 0.0 * canvas.x
    shoulder = 0.12 * np.exp(-(((rise - 0.78) / 0.08) ** 2))
    canvas.paint(canvas.box(-half + 0.3, half - 0.3, 0.15, 0.4), BLACK, sun=0.05, ambient=0.15)
    canvas.paint(
        _side_outline(canvas, body),
        colour,
        ambient=(0.35 + 0.45 * rise + shoulder).astype(np.float32),
        sun=(0.3 + 0.45 * rise + shoulder).astype(np.float32),
    )
    for x in (-0.16 * body.long, 0.08 * body.long, 0.27 * body.long):
        canvas.paint(canvas.box(x - 0.01, x + 0.01, 0.35, body.belt), BLACK, sun=0.3)
        canvas.paint(canvas.box(x - 0.3, x - 0.12, body.belt - 0.17, body.belt - 0.13), BLACK, sun=0.4)
    canvas.paint(
        canvas.box(-half, -half + 0.25, body.belt - 0.3, body.belt - 0.1, 0.04), (0.3, 0.012, 0.012), emit=TAIL
    )
    canvas.paint(canvas.box(half - 0.3, half, 0.62, 0.8, 0.04), (0.5, 0.5, 0.5), emit=(6.0, 5.6, 4.6))
    radius = 0.33 if body.tall < 3 else 0.5
    for x in (-half + 0.85, half - 0.85):
        canvas.paint(
            canvas.ellipse(x, radius, radius * 1.18, radius * 1.18) * (canvas.y > 0.2), BLACK, sun=0.05, ambient=0.1
        )
        canvas.paint(canvas.ellipse(x, radius, radius, radius), BLACK, sun=0.3, ambient=0.5)
        canvas.paint(canvas.ellipse(x, radius, radius * 0.62, radius * 0.62), (0.32, 0.32, 0.33), sun=0.5, ambient=0.6)
        canvas.paint(canvas.ellipse(x, radius, radius * 0.2, radius * 0.2), BLACK)
    return canvas.sprite()


def _paint_side_cabin(body: Body, colour: Colour, *, solid: bool) -> Sprite:
    """Paint roof line and side windows, rear end left."""
    tall, half = body.tall - body.belt, body.long / 2
    canvas = Canvas(body.long, tall + 0.1, 45 if body.tall < 2 else 20)
    rear, front, top = -half + body.boot, half - body.nose, tall + 0.1
    lean = 0.75 if not solid else 0.25
    shell = [
        (rear, 0.0),
        (rear + (0.55 if body.boot > 0.3 else 0.15), top - 0.05),
        (rear + 0.7, top),
        (front - lean - 0.3, top),
        (front - lean, top - 0.05),
        (front, 0.1),
        (front, 0.0),
    ]
    canvas.paint(canvas.outline(shell), colour, sun=0.8, ambient=0.85)
    if not solid:
        start, end, high = rear + 0.45, front - 0.3, top - 0.12
        pane = [(start, 0.12), (start + 0.3, high), (end - lean + 0.1, high), (end, 0.12)]
        canvas.paint(canvas.outline(pane), (0.055, 0.065, 0.08), sun=0.3, ambient=0.9)
        canvas.paint(canvas.box(-0.1, 0.0, 0.1, high), colour, sun=0.6)
    else:
        canvas.paint(
            canvas.outline(
                [(front - 1.2, 0.2), (front - 1.2, top * 0.45), (front - 0.5, top * 0.45), (front - 0.25, 0.2)]
            ),
            (0.06, 0.07, 0.08),
            sun=0.3,
        )
    return canvas.sprite()
