"""Kinds of vehicles and their measures, and what differs between two of one kind: paint, lamps, gloss."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from onestep.scenes.canvas import Colour, seen_colour

PAINTS: Final[tuple[Colour, ...]] = (
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
BLACK: Final[Colour] = (0.02, 0.02, 0.022)
TAIL: Final[Colour] = (5.0, 0.16, 0.09)
HEAD: Final[Colour] = (42.0, 40.0, 34.0)
KINDS: Final = ("sedan", "hatch", "suv", "van", "truck")
SHARES: Final = (0.34, 0.26, 0.22, 0.1, 0.08)
SIDE: Final[Colour] = (6.0, 5.6, 4.6)
"""What a tail lamp, a headlamp, and a headlamp from the side give off."""
SHAPES: Final = ("box", "ellipse", "slant")
_BRAKING, _BRAKING_SHARE = 2.6, 0.25
_GREY_SHARE: Final = 0.4
_RED_SHARE: Final = 0.3
"""Of the paints of any make: what is red, and no lamp, has to be seen often."""


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


BODIES: Final = {
    "sedan": Body(1.82, 1.45, 4.7, 0.95, 0.68, 0.75, 1.2),
    "hatch": Body(1.78, 1.5, 4.1, 0.95, 0.69, 0.12, 1.0),
    "suv": Body(1.92, 1.74, 4.7, 1.08, 0.77, 0.08, 1.15),
    "van": Body(2.0, 2.4, 5.6, 1.25, 0.9, 0.0, 0.8),
    "truck": Body(2.5, 3.7, 10.0, 1.6, 1.22, 0.0, 0.0),
}


@dataclass(frozen=True)
class Lamp:
    """A lamp as it is seen from the end of a vehicle, or from its side; measures in metres.

    Attributes:
        low, high: Foot and top over the ground.
        wide: From the vehicle's edge inwards.
        lens: Reflectance where it is not lit.
        glow: Light that it gives off.
        shape: Of the glass.
        pale: Height of the pale glass at the foot of a tail lamp, which hardly shines.
    """

    low: float
    high: float
    wide: float
    lens: Colour
    glow: Colour
    shape: str = "box"
    pale: float = 0.0


@dataclass(frozen=True)
class Make:
    """What is painted of one vehicle.

    Attributes:
        paint: Reflectance of the body.
        tail, head: Its lamps, from behind and from the front.
        side_tail, side_head: What the side shows of them.
        plate: Height of the rear plate's foot over the ground, in metres.
        rim: Reflectance of the wheels.
        gloss: How strongly paint and glass mirror the day, 0..1: sky, glints, neighbours. By night they hardly do.
        seed: Of what they mirror.
    """

    paint: Colour
    tail: Lamp
    head: Lamp
    side_tail: Lamp
    side_head: Lamp
    plate: float = 0.56
    rim: float = 0.32
    gloss: float = 0.0
    seed: int = 0


def standard_make(rng: np.random.Generator, kind: str) -> Make:
    """Draw one of those that all scenes have: flat paint of a dozen colours, lamps of one form."""
    belt = BODIES[kind].belt
    paint = np.asarray(PAINTS[int(rng.integers(len(PAINTS)))]) * rng.uniform(0.85, 1.1)
    high, wide = belt - float(rng.uniform(0.06, 0.14)), float(rng.uniform(0.2, 0.42))
    glow = _times(TAIL, _BRAKING if rng.random() < _BRAKING_SHARE else 1.0)
    red: Colour = (0.3, 0.012, 0.012)
    return Make(
        paint=(float(paint[0]), float(paint[1]), float(paint[2])),
        tail=Lamp(belt - 0.3, high, wide, red, glow, pale=0.05),
        head=Lamp(0.62, 0.62 + float(rng.uniform(0.12, 0.2)), 0.36, (0.55, 0.56, 0.58), HEAD),
        side_tail=Lamp(belt - 0.3, belt - 0.1, 0.25, red, TAIL),
        side_head=Lamp(0.62, 0.8, 0.3, (0.5, 0.5, 0.5), SIDE),
    )


def draw_make(rng: np.random.Generator, kind: str) -> Make:
    """Draw any make: paint of any colour that mirrors the day, lamps of any size, form and glass."""
    tail, head = _any_tail(rng, BODIES[kind].belt), _any_head(rng, BODIES[kind].belt)
    return Make(
        paint=_any_paint(rng),
        tail=tail,
        head=head,
        side_tail=replace(tail, wide=float(rng.choice([0.05, rng.uniform(0.1, 0.55)])), pale=0.0),
        side_head=replace(head, wide=float(rng.uniform(0.05, 0.5)), glow=SIDE),
        plate=float(rng.choice([0.36, rng.uniform(0.5, 0.68)])),
        rim=float(np.exp(rng.uniform(np.log(0.04), np.log(0.7)))),
        gloss=float(rng.uniform(0.0, 1.0)),
        seed=int(rng.integers(2**31)),
    )


def _any_paint(rng: np.random.Generator) -> Colour:
    hue = rng.normal(0.98, 0.03) % 1.0 if rng.random() < _RED_SHARE else rng.random()
    saturation = float(rng.uniform(0.0, 0.1)) if rng.random() < _GREY_SHARE else rng.random() ** 0.5
    return seen_colour(hue, saturation, float(rng.uniform(0.08, 0.92)))


def _any_tail(rng: np.random.Generator, belt: float) -> Lamp:
    """Draw tail lamps: broad or upright, below the belt line, of bright, dark or nearly clear glass."""
    is_upright = rng.random() < 0.3
    wide, tall = rng.uniform((0.1, 0.25), (0.18, 0.5)) if is_upright else rng.uniform((0.16, 0.06), (0.6, 0.26))
    high = belt - float(rng.uniform(0.0, 0.2))
    red, white = float(np.exp(rng.uniform(np.log(0.06), np.log(0.6)))), float(rng.uniform(0.02, 0.35))
    return Lamp(
        low=max(high - float(tall), 0.42),
        high=high,
        wide=float(wide),
        lens=(red, red * white, red * white),
        glow=_times(TAIL, float(rng.uniform(0.5, 1.6)) * (_BRAKING if rng.random() < _BRAKING_SHARE else 1.0)),
        shape=str(rng.choice(SHAPES)),
        pale=float(rng.choice([0.0, rng.uniform(0.02, 0.1)])),
    )


def _any_head(rng: np.random.Generator, belt: float) -> Lamp:
    low, grey = float(rng.uniform(0.52, belt - 0.22)), float(rng.uniform(0.2, 0.8))
    return Lamp(
        low=low,
        high=low + float(rng.uniform(0.06, 0.2)),
        wide=float(rng.uniform(0.16, 0.5)),
        lens=(grey, grey, grey),
        glow=_times(HEAD, float(rng.uniform(0.5, 1.3))),
        shape=str(rng.choice(SHAPES)),
    )


def _times(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor
