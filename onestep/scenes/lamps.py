"""Street lamps: what their posts look like, where they stand, and where their light comes from."""

from dataclasses import dataclass, replace

import numpy as np

from onestep.scenes.canvas import Canvas, Colour
from onestep.scenes.road import Road
from onestep.scenes.sprite import Sprite

SODIUM: Colour = (1.0, 0.56, 0.2)
LED: Colour = (0.95, 0.97, 1.0)
_STRENGTH = 38.0
_GLASS: Colour = (0.6, 0.6, 0.58)


@dataclass(frozen=True)
class LampKind:
    """A make of street lamp, all measures in metres.

    Attributes:
        height: Of the arm's foot over the ground.
        arm: From the post to the middle of the head; 0 is a lamp on top of its post.
        rise: How much higher the arm's end is than its foot.
        head: "box", whose lower side shines, "cobra", a drop of which one sees the lower half, "globe" or "lantern".
        long: Half of the head's length.
        double: Whether there is an arm to both sides, as between the two directions of a road.
        thick: Factor on the thickness of post and arm.
        tone: Reflectance of the steel; None leaves it to each scene.
    """

    height: float = 8.0
    arm: float = 1.6
    rise: float = 0.0
    head: str = "box"
    long: float = 0.35
    double: bool = False
    thick: float = 1.0
    tone: Colour | None = None

    @property
    def light(self) -> float:
        """Height of the light over the ground."""
        return self.height + self.rise - 0.1


STANDARD = LampKind()


@dataclass(frozen=True)
class Lamps:
    """The lighting of a road.

    Attributes:
        step: Distance between lamps along the road; 0 where there are none.
        posts: Places of the posts across the road, each with the side that its arm reaches to: -1 is left.
        colour: Of the light.
        kind: The make.
    """

    step: float
    posts: tuple[tuple[float, int], ...]
    colour: Colour
    kind: LampKind = STANDARD

    @property
    def heads(self) -> tuple[float, ...]:
        """Places of the lights across the road."""
        both = [(u + side * self.kind.arm, u - side * self.kind.arm) for u, side in self.posts]
        return tuple(dict.fromkeys(u for pair in both for u in pair[: 2 if self.kind.double else 1]))


def draw_lamps(rng: np.random.Generator, road: Road, place: str, loop: float, kind: LampKind) -> Lamps:
    """Draw the lighting of a road; the step divides the loop, so that the light repeats with the lamps."""
    chance = {"urban": 0.95, "suburb": 0.8, "rural": 0.1, "highway": 0.45}[place]
    if rng.random() > chance:
        return Lamps(0.0, (), LED, kind)
    step = loop / int(rng.integers(10, 17))
    colour = SODIUM if rng.random() < 0.55 else LED
    posts: tuple[tuple[float, int], ...] = ((road.right_edge - 0.4 + STANDARD.arm, -1),)
    if rng.random() < 0.6:
        posts += ((road.left_edge + 0.4 - STANDARD.arm, 1),)
    if not kind.double:
        return Lamps(step, posts, colour, kind)
    if road.median < 1.0:  # beside the road the other arm would reach into the houses
        return Lamps(step, posts, colour, replace(kind, double=False))
    return Lamps(step, ((road.divide - road.median / 2, -1),), colour, kind)


def draw_kind(rng: np.random.Generator) -> LampKind:
    """Draw a make: masts of motorways, lamps of streets, lanterns of squares."""
    head = str(rng.choice(["box", "cobra", "globe", "lantern"], p=[0.4, 0.35, 0.1, 0.15]))
    grey, warm = float(np.exp(rng.uniform(np.log(0.02), np.log(0.6)))), float(rng.uniform(0.75, 1.0))
    tone = (grey, grey * (1 + warm) / 2, grey * warm)
    if head in ("globe", "lantern"):
        return LampKind(float(rng.uniform(3.0, 5.5)), 0.0, 0.0, head, float(rng.uniform(0.18, 0.3)), False, 1.0, tone)
    return LampKind(
        height=float(rng.uniform(5.0, 13.0)),
        arm=float(rng.uniform(0.5, 3.0)),
        rise=float(rng.choice([0.0, rng.uniform(0.1, 1.4)])),
        head=head,
        long=float(rng.uniform(0.2, 0.5)),
        double=bool(rng.random() < 0.35),
        thick=float(rng.uniform(0.6, 1.8)),
        tone=tone,
    )


def paint_lamp(rng: np.random.Generator, kind: LampKind) -> Sprite:
    """Paint a street lamp whose arm reaches to the left, or arms to both sides."""
    top = kind.height + max(kind.rise, 0.0)
    canvas = Canvas(2 * (kind.arm + kind.long) + 0.3, top + (0.3 if kind.arm else 2 * kind.long), 26)
    grey = float(rng.uniform(0.08, 0.4))
    steel = kind.tone or (grey, grey, grey)
    half = 0.05 * kind.thick
    post = [(-2 * half, 0.0), (-half, kind.height), (half, kind.height), (2 * half, 0.0)]
    canvas.paint(canvas.outline(post), steel)
    if kind.head in ("globe", "lantern"):
        _paint_top(canvas, kind, steel)
    for side in (-1.0, 1.0) if kind.double else (-1.0,):
        if kind.arm:
            _paint_arm(canvas, kind, side, steel)
    return canvas.sprite()


def _paint_arm(canvas: Canvas, kind: LampKind, side: float, steel: Colour) -> None:
    """Paint an arm and the head at its end."""
    half, low, high = 0.05 * kind.thick, kind.height, kind.height + kind.rise
    ends = sorted([(-side * 0.05, low), (side * kind.arm, high)])
    (left, left_y), (right, right_y) = ends
    arm = [(left, left_y - half), (left, left_y + half), (right, right_y + half), (right, right_y - half)]
    canvas.paint(canvas.outline(arm), steel)
    x, long = side * kind.arm, kind.long
    if kind.head == "box":
        canvas.paint(canvas.box(x - long, x + long, high - 0.08, high + 0.12, 0.06), steel)
        glass = canvas.box(x - long + 0.03, x + long - 0.03, high - 0.16, high - 0.04, 0.03)
    else:
        canvas.paint(canvas.ellipse(x, high, long, 0.16), steel)
        glass = canvas.ellipse(x, high - 0.06, long * 0.7, 0.14) * (canvas.y < high - 0.02)
    canvas.paint(np.asarray(glass, np.float32), _GLASS, street=_STRENGTH)


def _paint_top(canvas: Canvas, kind: LampKind, steel: Colour) -> None:
    """Paint what sits on top of a post: a ball of milk glass, or panes under a roof."""
    low, long = kind.height, kind.long
    if kind.head == "globe":
        canvas.paint(canvas.ellipse(0.0, low + long, long, long), (0.7, 0.7, 0.68), street=_STRENGTH * 0.4)
        return
    panes = [(-long * 0.6, low), (-long, low + 1.4 * long), (long, low + 1.4 * long), (long * 0.6, low)]
    canvas.paint(canvas.outline(panes), _GLASS, street=_STRENGTH * 0.6)
    roof = [(-long * 1.15, low + 1.4 * long), (0.0, low + 2.0 * long), (long * 1.15, low + 1.4 * long)]
    canvas.paint(canvas.outline(roof), steel)
    for x in (-0.5 * long, 0.5 * long):
        canvas.paint(canvas.box(x - 0.015, x + 0.015, low, low + 1.4 * long), steel)
