"""The road's cross-section: lanes, median, shoulders, surface and painted lines."""

from dataclasses import dataclass

import numpy as np

PLACES = ("urban", "suburb", "rural", "highway")


@dataclass(frozen=True)
class Mark:
    """A painted line: place and width in metres, dash length and period (0: solid), yellow or white, wear 0..1."""

    u: float
    width: float
    dash: float
    period: float
    yellow: bool
    wear: float


@dataclass(frozen=True)
class Road:
    """Cross-section of the road; u = 0 is the middle of the own lane, oncoming traffic is on the left.

    Attributes:
        lane: Lane width in metres.
        left, right: Lanes of the own direction on either side of the own lane.
        oncoming: Lanes of the other direction.
        median: Width between the directions, 0 where only paint parts them.
        shoulder: Sealed strip outside the outer lanes.
        kerb: Whether pavements with kerbs follow, rather than verges.
        concrete: Whether the surface is light concrete.
        tone: Reflectance of the surface, linear.
        marks: Painted lines.
        curvature: 1/m, positive to the right.
        rough: Contrast of the surface's grain and patches.
    """

    lane: float
    left: int
    right: int
    oncoming: int
    median: float
    shoulder: float
    kerb: bool
    concrete: bool
    tone: float
    marks: tuple[Mark, ...]
    curvature: float
    rough: float

    @property
    def right_edge(self) -> float:
        """Right end of the sealed surface."""
        return (self.right + 0.5) * self.lane + self.shoulder

    @property
    def divide(self) -> float:
        """Left end of the own direction's lanes."""
        return -(self.left + 0.5) * self.lane

    @property
    def left_edge(self) -> float:
        """Left end of the sealed surface, oncoming lanes included."""
        return self.divide - self.median - self.oncoming * self.lane - self.shoulder


def draw_road(rng: np.random.Generator, place: str) -> Road:
    """Draw a road that fits the place."""
    left, right, oncoming = _draw_lanes(rng, place)
    lane = float(rng.uniform(3.4, 3.8) if place == "highway" else rng.uniform(2.9, 3.5))
    concrete = bool(rng.random() < 0.18)
    highway = place == "highway"
    road = Road(
        lane=lane,
        left=left,
        right=right,
        oncoming=oncoming,
        median=float(rng.uniform(2.0, 7.0)) if highway else 0.0,
        shoulder=float(rng.uniform(1.5, 3.2)) if highway else float(rng.uniform(0.2, 2.4)),
        kerb=place == "urban" or (place == "suburb" and bool(rng.random() < 0.7)),
        concrete=concrete,
        tone=float(rng.uniform(0.22, 0.36) if concrete else rng.uniform(0.05, 0.15)),
        marks=(),
        curvature=float(
            rng.normal(0.0, {"urban": 0.0004, "suburb": 0.0012, "rural": 0.0016, "highway": 0.0006}[place])
        ),
        rough=float(rng.uniform(0.5, 1.3)),
    )
    return Road(**{**vars(road), "marks": _draw_marks(rng, road)})


def _draw_lanes(rng: np.random.Generator, place: str) -> tuple[int, int, int]:
    """Draw how many lanes lie left and right in the own direction, and how many come towards."""
    if place == "highway":
        total = int(rng.integers(2, 6))
        left = int(rng.integers(0, total))
        return left, total - 1 - left, total
    if place == "urban":
        total = int(rng.integers(1, 4))
        left = int(rng.integers(0, total))
        return left, total - 1 - left, int(rng.choice([total, total, 0]))
    return 0, 0, 1


def _draw_marks(rng: np.random.Generator, road: Road) -> tuple[Mark, ...]:
    """Draw edge lines, lane lines and the line between the directions."""
    width, wear = float(rng.uniform(0.1, 0.17)), float(rng.uniform(0.0, 0.7))
    dash, period = [(3.0, 9.0), (3.0, 12.2), (6.0, 18.0), (2.0, 6.0), (4.0, 12.0)][int(rng.integers(5))]
    yellow = bool(rng.random() < 0.5)
    edges = road.median > 0 or rng.random() < 0.55
    marks = (
        [Mark((i + 0.5) * road.lane, width, dash, period, False, wear) for i in range(-road.left - 1, road.right + 1)][
            1:-1
        ]
        if road.left + road.right
        else []
    )
    outer = (road.right + 0.5) * road.lane
    if edges:
        marks.append(Mark(outer, width * 1.2, 0.0, 0.0, False, wear))
        marks.append(Mark(road.left_edge + road.shoulder, width * 1.2, 0.0, 0.0, False, wear))
    if road.oncoming:
        marks += _middle_marks(rng, road, Mark(road.divide, width, dash, period, yellow, wear))
    marks += [
        Mark(road.divide - road.median - i * road.lane, width, dash, period, False, wear)
        for i in range(1, road.oncoming)
    ]
    return tuple(marks)


def _middle_marks(rng: np.random.Generator, road: Road, mark: Mark) -> list[Mark]:
    """Draw the line or lines between the two directions."""
    solid = Mark(mark.u, mark.width, 0.0, 0.0, mark.yellow, mark.wear)
    if road.median:
        wide = solid.width * 1.3
        return [
            Mark(solid.u, wide, 0.0, 0.0, solid.yellow, solid.wear),
            Mark(solid.u - road.median, wide, 0.0, 0.0, solid.yellow, solid.wear),
        ]
    style = int(rng.integers(3))
    if style == 0:
        return [mark]
    if style == 1:
        return [solid]
    return [Mark(mark.u + side, mark.width, 0.0, 0.0, mark.yellow, mark.wear) for side in (-0.14, 0.14)]
