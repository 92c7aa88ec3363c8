"""What is known of every pixel before any light falls on it: material, distance and who it belongs to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onestep.scenes.texture import Floats

ALBEDO = slice(0, 3)  # linear RGB reflectance
SUN = 3  # how much direct sun arrives: visibility times cosine, 0..1
AMBIENT = 4  # how much of the sky's light arrives, 0..1
EMIT = slice(5, 8)  # light given off when lamps are on, linear RGB
RETRO = 8  # sends headlight back to its source: signs, plates, paint, 0..1
ALPHA = 9  # 1 on things, 0 in the sky
STREET = 10  # strength of what street lamps give off, in the colour that those of the street have
CHANNELS = 11

STATIC = -1  # owner of everything that stands still; vehicles have their number
HOOD = -2  # owner of the own car's bonnet, which moves with the camera

DEPTH_BIAS = 0.5  # metres by which a thing may be behind what it is drawn over


@dataclass
class Layers:
    """Layers of one frame, painted from far to near, with a depth test.

    The order alone is not enough: a bank along the road begins before a tree and ends behind it.

    Attributes:
        surface: float32 [H, W, CHANNELS].
        depth: float32 [H, W], metres along the viewing axis, infinite in the sky.
        front: float32 [H, W], depth of what stands or drives there, infinite where nothing does.
        owner: int16 [H, W], number of the vehicle, STATIC or HOOD.
        road: float32 [H, W], 1 where sealed ground mirrors when wet, else 0.
    """

    surface: Floats
    depth: Floats
    front: Floats
    owner: NDArray[np.int16]
    road: Floats

    @classmethod
    def empty(cls, height: int, width: int) -> "Layers":
        """Make layers of open sky."""
        surface = np.zeros((height, width, CHANNELS), np.float32)
        surface[..., SUN] = surface[..., AMBIENT] = 1.0
        return cls(
            surface=surface,
            depth=np.full((height, width), np.inf, np.float32),
            front=np.full((height, width), np.inf, np.float32),
            owner=np.full((height, width), STATIC, np.int16),
            road=np.zeros((height, width), np.float32),
        )

    def put(self, rows: slice, cols: slice, patch: Floats, depth: Floats, owner: int = STATIC) -> None:
        """Lay a patch with premultiplied alpha over what is there, but for what stands nearer.

        The parts of one vehicle are drawn in their order, whatever their depth.

        Args:
            rows: Rows that the patch covers.
            cols: Columns that the patch covers.
            patch: float32 [h, w, CHANNELS], premultiplied by its ALPHA channel.
            depth: Metres, broadcastable to [h, w].
            owner: STATIC, HOOD or a vehicle's number.
        """
        seen = depth < self.front[rows, cols] + DEPTH_BIAS
        if owner != STATIC:
            seen |= self.owner[rows, cols] == owner
        if not seen.all():
            patch = patch * seen[..., None]
        alpha = patch[..., ALPHA]
        view = self.surface[rows, cols]
        view *= 1.0 - alpha[..., None]
        view += patch
        self.road[rows, cols] *= 1.0 - alpha
        solid = alpha > 0.5
        for buffer in (self.depth, self.front):
            np.copyto(buffer[rows, cols], depth, where=solid)
        np.copyto(self.owner[rows, cols], np.int16(owner), where=solid)
