"""Sun shadows that trees, posts and houses throw on the ground."""

import math

import numpy as np
from numpy.typing import NDArray

from onestep.scenes.camera import Camera
from onestep.scenes.layers import ALPHA, SUN, Layers
from onestep.scenes.plan import Daylight
from onestep.scenes.roadside import Item
from onestep.scenes.texture import Floats

FARTHEST = 110.0


def cast(layers: Layers, camera: Camera, item: Item, z: float, sky: Daylight) -> None:
    """Take the sun from the ground that the item shades; call it before anything that stands is drawn.

    The item is taken as a plane: across the sun's direction if it faces the camera, else along the road.
    """
    per_metre = 1.0 / max(math.tan(sky.elevation), 0.2)
    lean_s, lean_u = -math.cos(sky.azimuth) * per_metre, -math.sin(sky.azimuth) * per_metre
    tall = item.sprite.height * item.scale
    wide = item.sprite.width * item.scale
    before, behind = (0.0, wide) if item.side else (-wide / 2, wide / 2)
    span_s = sorted((z + min(lean_s * tall, 0) + before, z + max(lean_s * tall, 0) + behind))
    reach = 0.0 if item.side else wide / 2
    span_u = (item.u + min(lean_u * tall, 0) - reach, item.u + max(lean_u * tall, 0) + reach)
    if z > FARTHEST or span_s[1] < 2.0:
        return
    rows = camera.ground_rows(span_s[0], span_s[1])
    if rows.start >= rows.stop:
        return
    depth = camera.ground_depth[rows.start - camera.first_ground_row : rows.stop - camera.first_ground_row][:, None]
    cols = _columns(camera, span_u, depth)
    if cols.start >= cols.stop:
        return
    ds = depth - z
    du = camera.tangents[0][:, cols] * depth - camera.bend(depth) + camera.u - item.u
    if item.side:
        high = du / (lean_u if abs(lean_u) > 0.05 else math.copysign(0.05, lean_u))
        across = (ds - high * lean_s) / wide
    else:
        high = (ds * lean_s + du * lean_u) / per_metre**2
        across = (du * lean_s - ds * lean_u) / per_metre / wide + 0.5
    layers.surface[rows, cols, SUN] *= 1.0 - 0.94 * _alpha(item, across, high / tall)


def _columns(camera: Camera, span_u: tuple[float, float], depth: Floats) -> slice:
    """Give the columns between two places across the road, over all the given distances."""
    places = np.concatenate([camera.column(u, depth) for u in span_u])
    low, high = np.clip([math.floor(float(places.min())), math.ceil(float(places.max()))], 0, camera.width)
    return slice(int(low), int(high))


def _alpha(item: Item, across: NDArray[np.floating], high: NDArray[np.floating]) -> Floats:
    """Read the item's outline at fractions of its width and height; 0 outside."""
    levels = item.sprite.levels
    texture = levels[min(1, len(levels) - 1)][..., ALPHA]
    rows, cols = texture.shape
    inside = (across > 0) & (across < 1) & (high > 0) & (high < 1)
    row = np.clip((1.0 - high) * rows, 0, rows - 1).astype(np.int32)
    col = np.clip(across * cols, 0, cols - 1).astype(np.int32)
    return np.asarray(texture[row, col] * inside, np.float32)
