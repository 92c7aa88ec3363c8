"""A pinhole camera that drives along a bent road.

Places are given in road coordinates: `s` metres along the road, `u` metres to the right of the own lane's centre, `y`
metres above the road. A road of constant curvature, seen from the tangent, is x = u + bend(z), y = y, z = s - camera.s.
Pitch is a shift of the horizon and roll is left out, so that one image row sees the road at one distance.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from onestep.scenes.texture import Floats

BEND_LIMIT = 160.0  # metres; further on the road runs straight, or distant things would be carried off the picture


@dataclass(frozen=True)
class Camera:
    """Where the camera is and how it looks at one moment.

    Attributes:
        width, height: Picture size in pixels.
        focal: Focal length in pixels.
        centre: Column of the vanishing point.
        horizon: Row of the horizon.
        above: Height above the road in metres.
        s, u: Place on the road in metres.
        curvature: Of the road in 1/m, positive to the right.
        heading: Compass direction in radians, which turns the sky and the hills.
    """

    width: int
    height: int
    focal: float
    centre: float
    horizon: float
    above: float
    s: float
    u: float
    curvature: float
    heading: float

    def bend(self, z: Floats) -> Floats:
        """Give the sideways shift of the road at distances `z`."""
        near = np.minimum(z, BEND_LIMIT)
        return np.asarray(self.curvature * (near * z - 0.5 * near * near), np.float32)

    def column(self, u: Floats | float, z: Floats) -> Floats:
        """Project a sideways place at distance `z` to an image column."""
        return np.asarray(self.centre + self.focal * (u - self.u + self.bend(z)) / z, np.float32)

    def row(self, y: Floats | float, z: Floats) -> Floats:
        """Project a height at distance `z` to an image row."""
        return np.asarray(self.horizon + self.focal * (self.above - y) / z, np.float32)

    def column_at(self, u: float, z: float) -> float:
        """Project one sideways place, as `column`."""
        near = min(z, BEND_LIMIT)
        return self.centre + self.focal * (u - self.u + self.curvature * (near * z - 0.5 * near * near)) / z

    def row_at(self, y: float, z: float) -> float:
        """Project one height, as `row`."""
        return self.horizon + self.focal * (self.above - y) / z

    @cached_property
    def tangents(self) -> tuple[Floats, Floats]:
        """Slopes of every pixel's ray: float32 [1, W] to the right and float32 [H, 1] upwards."""
        right = (np.arange(self.width, dtype=np.float32) + 0.5 - self.centre) / self.focal
        up = (self.horizon - np.arange(self.height, dtype=np.float32) - 0.5) / self.focal
        return right[None, :].astype(np.float32), up[:, None].astype(np.float32)

    @cached_property
    def first_ground_row(self) -> int:
        """First row that sees the ground, at most 700 m away."""
        return int(np.clip(np.ceil(self.horizon + self.focal * self.above / 700.0 - 0.5), 0, self.height))

    @cached_property
    def ground_depth(self) -> Floats:
        """Distance at which the rows from `first_ground_row` on see the road, float32 [R]."""
        up = self.tangents[1][self.first_ground_row :, 0]
        return np.asarray(-self.above / up, np.float32)

    def ground_rows(self, near: float, far: float) -> slice:
        """Give the rows, counted from the picture's top, that see the ground between two distances."""
        top = self.row_at(0.0, max(far, 1.0))
        bottom = self.row_at(0.0, max(near, 0.5))
        first = int(np.clip(np.floor(top), self.first_ground_row, self.height))
        return slice(first, int(np.clip(np.ceil(bottom) + 1, first, self.height)))

    def places(self, depth: Floats) -> tuple[Floats, Floats, Floats]:
        """Give the road coordinates (u, y, z) of every pixel at the given depth, each float32 [H, W]."""
        right, up = self.tangents
        u = right * depth - self.bend(depth) + self.u
        return np.asarray(u, np.float32), np.asarray(self.above + up * depth, np.float32), depth
