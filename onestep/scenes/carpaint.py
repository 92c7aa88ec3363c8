"""Vehicles painted from behind, from the front and from the side."""

from dataclasses import dataclass

import numpy as np

from onestep.scenes.canvas import Canvas, Colour
from onestep.scenes.makes import BLACK, BODIES, Body, Lamp, Make
from onestep.scenes.sprite import Sprite
from onestep.scenes.texture import Floats, fractal

_GLASS: Colour = (0.055, 0.065, 0.08)
_GLINTS = 5.0
"""On a glossy end or side, in the mean."""


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


def paint_vehicle(kind: str, make: Make) -> Model:
    """Paint all sides of one vehicle of one of `makes.KINDS`."""
    body, big = BODIES[kind], kind in ("van", "truck")
    return Model(
        body,
        rear=_paint_rear(body, make),
        rear_cabin=_paint_cabin_end(body, make, dark=big, rear=True),
        front=_paint_front(body, make),
        front_cabin=_paint_cabin_end(body, make, dark=False, rear=False),
        side=_paint_side(body, make),
        side_cabin=_paint_side_cabin(body, make, solid=big),
    )


def _nose_drop(body: Body) -> float:
    """Give how far the bonnet's edge lies below the belt line."""
    return 0.17 if body.tall < 2 else 0.0


def _end_canvas(body: Body, make: Make, top: float) -> Canvas:
    """Start the lower body as seen from an end: tyres, shell, bumper, shadow underneath."""
    half, colour = body.wide / 2, make.paint
    canvas = Canvas(body.wide + 0.06, body.belt + 0.1, 90 if body.tall < 2 else 55)
    canvas.paint(canvas.box(-half + 0.1, half - 0.1, 0.12, 0.5), BLACK, sun=0.05, ambient=0.15)
    for side in (-1, 1):
        x = side * (half - 0.2)
        canvas.paint(canvas.box(x - 0.12, x + 0.12, 0.0, 0.5, 0.05), BLACK, sun=0.2, ambient=0.4)
    rise = np.clip((canvas.y - 0.25) / (body.belt - 0.2), 0.0, 1.0) + 0.0 * canvas.x
    shell = canvas.box(-half, half, 0.26, top, 0.17)
    canvas.paint(
        shell,
        colour,
        sun=(0.3 + 0.5 * rise).astype(np.float32),
        ambient=(0.42 + 0.45 * rise).astype(np.float32),
    )
    _mirror(canvas, shell, make, colour)
    dim: Colour = (colour[0] * 0.6, colour[1] * 0.6, colour[2] * 0.6)
    canvas.paint(canvas.box(-half + 0.05, half - 0.05, 0.5, 0.52), dim, sun=0.3, ambient=0.4)
    return canvas


def _paint_rear(body: Body, make: Make) -> Sprite:
    """Paint the lower body from behind: lamps, plate, boot lid, reflectors."""
    canvas, half, lamp = _end_canvas(body, make, body.belt + 0.05), body.wide / 2, make.tail
    canvas.paint(canvas.box(-half + 0.35, half - 0.35, body.belt - 0.02, body.belt + 0.01), BLACK, sun=0.3)
    for side in (-1, 1):
        edge = side * (half - 0.05)
        canvas.paint(_glass(canvas, lamp, edge, side), lamp.lens, emit=lamp.glow, retro=0.08)
        if lamp.pale:
            inner, outer = sorted((edge, edge - side * lamp.wide))
            foot = canvas.box(inner, outer, lamp.low, lamp.low + lamp.pale)
            canvas.paint(foot, (0.5, 0.4, 0.36), emit=(1.2, 0.1, 0.05))
        reflector = side * (half - 0.2)
        canvas.paint(canvas.box(reflector - 0.1, reflector + 0.1, 0.36, 0.4), (0.3, 0.01, 0.01), retro=0.15)
    plate = canvas.box(-0.26, 0.26, make.plate, make.plate + 0.12, 0.02)
    canvas.paint(plate, (0.7, 0.7, 0.66), emit=(0.07, 0.068, 0.06), retro=0.09)
    canvas.paint(canvas.box(-half + 0.15, half - 0.15, 0.26, 0.36), BLACK, sun=0.2, ambient=0.4)
    return canvas.sprite()


def _glass(canvas: Canvas, lamp: Lamp, edge: float, side: int) -> Floats:
    """Give the coverage of a lamp that reaches from `edge` inwards, on the left (-1) or right (1)."""
    inner, outer = sorted((edge, edge - side * lamp.wide))
    if lamp.shape == "ellipse":
        middle, rise = (inner + outer) / 2, (lamp.low + lamp.high) / 2
        return canvas.ellipse(middle, rise, lamp.wide / 2, (lamp.high - lamp.low) / 2)
    if lamp.shape == "slant":  # higher at the vehicle's edge
        left, right = (0.45, 0.0) if side > 0 else (0.0, 0.45)
        tall = lamp.high - lamp.low
        feet = (inner, lamp.low + left * tall), (outer, lamp.low + right * tall)
        return canvas.outline([feet[0], (inner, lamp.high), (outer, lamp.high), feet[1]])
    return canvas.box(inner, outer, lamp.low, lamp.high, 0.05)


def _mirror(canvas: Canvas, cover: Floats, make: Make, colour: Colour) -> None:
    """Let a surface mirror the day: unevenly, with a band of the horizon and glints. None of it gives light."""
    if not make.gloss:
        return
    rng = np.random.default_rng(make.seed)
    rise = float(rng.uniform(0.2, 0.9)) * canvas.height
    band = np.exp(-(((canvas.y - rise) / (0.07 * canvas.height)) ** 2)) + 0.0 * canvas.x
    mirrored = 0.35 * fractal(rng, canvas.shape, slope=1.4) + float(rng.uniform(0.0, 1.5)) * band
    canvas.shade(np.asarray(1.0 + make.gloss * cover * np.clip(mirrored, -0.7, 2.0), np.float32))
    pale = (0.4 * colour[0] + 0.12, 0.4 * colour[1] + 0.12, 0.4 * colour[2] + 0.12)
    for _ in range(int(rng.poisson(_GLINTS * make.gloss))):
        x, y = float(rng.uniform(-0.5, 0.5)) * canvas.width, float(rng.uniform(0.3, 1.0)) * canvas.height
        glint = canvas.ellipse(x, y, float(rng.uniform(0.02, 0.14)), float(rng.uniform(0.01, 0.05)))
        canvas.paint(glint * cover, pale, sun=float(rng.uniform(1.0, 5.0)), ambient=float(rng.uniform(1.0, 2.5)))


def _paint_front(body: Body, make: Make) -> Sprite:
    """Paint the lower body from the front: headlamps, grille, plate, intake."""
    canvas, half, lamp = _end_canvas(body, make, body.belt - _nose_drop(body) + 0.05), body.wide / 2, make.head
    canvas.paint(canvas.box(-half * 0.55, half * 0.55, 0.52, body.belt - 0.2, 0.05), BLACK, sun=0.3, ambient=0.4)
    canvas.paint(canvas.box(-half * 0.6, half * 0.6, 0.3, 0.44, 0.04), BLACK, sun=0.2, ambient=0.3)
    for side in (-1, 1):
        canvas.paint(_glass(canvas, lamp, side * (half - 0.06), side), lamp.lens, emit=lamp.glow, sun=0.8)
    canvas.paint(canvas.box(-0.26, 0.26, 0.42, 0.53, 0.02), (0.7, 0.7, 0.66), retro=0.08)
    return canvas.sprite()


def _paint_cabin_end(body: Body, make: Make, *, dark: bool, rear: bool) -> Sprite:
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
    canvas.paint(canvas.outline(shell), make.paint, sun=0.75, ambient=0.85)
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
    _mirror(canvas, canvas.outline(pane), make, _GLASS)
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


def _paint_side(body: Body, make: Make) -> Sprite:
    """Paint the lower body from the side, rear end left: wheels, sills, door gaps, handles, side lamps."""
    canvas, half = Canvas(body.long, body.belt + 0.06, 45 if body.tall < 2 else 26), body.long / 2
    rise = np.clip((canvas.y - 0.25) / (body.belt - 0.2), 0.0, 1.0) + 0.0 * canvas.x
    shoulder = 0.12 * np.exp(-(((rise - 0.78) / 0.08) ** 2))
    canvas.paint(canvas.box(-half + 0.3, half - 0.3, 0.15, 0.4), BLACK, sun=0.05, ambient=0.15)
    outline = _side_outline(canvas, body)
    canvas.paint(
        outline,
        make.paint,
        ambient=(0.35 + 0.45 * rise + shoulder).astype(np.float32),
        sun=(0.3 + 0.45 * rise + shoulder).astype(np.float32),
    )
    _mirror(canvas, outline, make, make.paint)
    for x in (-0.16 * body.long, 0.08 * body.long, 0.27 * body.long):
        canvas.paint(canvas.box(x - 0.01, x + 0.01, 0.35, body.belt), BLACK, sun=0.3)
        canvas.paint(canvas.box(x - 0.3, x - 0.12, body.belt - 0.17, body.belt - 0.13), BLACK, sun=0.4)
    tail, head = make.side_tail, make.side_head
    canvas.paint(canvas.box(-half, -half + tail.wide, tail.low, tail.high, 0.04), tail.lens, emit=tail.glow)
    canvas.paint(canvas.box(half - head.wide, half, head.low, head.high, 0.04), head.lens, emit=head.glow)
    radius, rim = 0.33 if body.tall < 3 else 0.5, (make.rim, make.rim, make.rim + 0.01)
    for x in (-half + 0.85, half - 0.85):
        canvas.paint(
            canvas.ellipse(x, radius, radius * 1.18, radius * 1.18) * (canvas.y > 0.2), BLACK, sun=0.05, ambient=0.1
        )
        canvas.paint(canvas.ellipse(x, radius, radius, radius), BLACK, sun=0.3, ambient=0.5)
        canvas.paint(canvas.ellipse(x, radius, radius * 0.62, radius * 0.62), rim, sun=0.5, ambient=0.6)
        canvas.paint(canvas.ellipse(x, radius, radius * 0.2, radius * 0.2), BLACK)
    return canvas.sprite()


def _paint_side_cabin(body: Body, make: Make, *, solid: bool) -> Sprite:
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
    canvas.paint(canvas.outline(shell), make.paint, sun=0.8, ambient=0.85)
    if not solid:
        start, end, high = rear + 0.45, front - 0.3, top - 0.12
        pane = [(start, 0.12), (start + 0.3, high), (end - lean + 0.1, high), (end, 0.12)]
        canvas.paint(canvas.outline(pane), _GLASS, sun=0.3, ambient=0.9)
        _mirror(canvas, canvas.outline(pane), make, _GLASS)
        canvas.paint(canvas.box(-0.1, 0.0, 0.1, high), make.paint, sun=0.6)
    else:
        canvas.paint(
            canvas.outline(
                [(front - 1.2, 0.2), (front - 1.2, top * 0.45), (front - 0.5, top * 0.45), (front - 0.25, 0.2)]
            ),
            (0.06, 0.07, 0.08),
            sun=0.3,
        )
    return canvas.sprite()
