"""Painted pictures of things, and how they stand in the scene: facing the camera or along the road.

A sprite is painted once per scene and kept at falling resolutions, so that it neither flickers when small nor swims:
the texture moves with the thing.
"""

import math
from dataclasses import dataclass

import numpy as np

from onestep.scenes.camera import Camera
from onestep.scenes.layers import EMIT, STATIC, SUN, Layers
from onestep.scenes.texture import Floats

NEAR = 1.6  # metres; nothing is drawn closer


@dataclass(frozen=True)
class Sprite:
    """A picture of material, in levels of halving size.

    Attributes:
        levels: float32 [h, w, CHANNELS] each, premultiplied alpha, row 0 at the top.
        width, height: Size in metres.
    """

    levels: tuple[Floats, ...]
    width: float
    height: float

    @classmethod
    def build(cls, texture: Floats, width: float, height: float) -> "Sprite":
        """Make the levels of a premultiplied texture."""
        levels = [np.ascontiguousarray(texture, np.float32)]
        while min(levels[-1].shape[:2]) >= 4:
            fine = levels[-1]
            even = fine[: fine.shape[0] // 2 * 2, : fine.shape[1] // 2 * 2]
            levels.append(0.25 * (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]))
        return cls(tuple(levels), width, height)

    def level(self, pixels_per_texel: float) -> Floats:
        """Choose the level whose texels are about as large as the picture's pixels."""
        step = math.floor(math.log2(1.0 / max(pixels_per_texel, 1e-6)) + 0.4)
        return self.levels[min(max(step, 0), len(self.levels) - 1)]


def stand(
    layers: Layers,
    camera: Camera,
    sprite: Sprite,
    *,
    z: float,
    u: float,
    y: float = 0.0,
    scale: float = 1.0,
    flip: bool = False,
    sun: float = 1.0,
    lamps: float = 1.0,
    owner: int = STATIC,
) -> None:
    """Draw a sprite that faces the camera, its foot's middle at (z, u, y); `sun` is the share of sunlight it gets."""
    if z < NEAR:
        return
    size = camera.focal * scale / z
    width, height = sprite.width * size, sprite.height * size
    left, top = camera.column_at(u, z) - width / 2, camera.row_at(y, z) - height
    rows, cols = _clip(top, height, camera.height), _clip(left, width, camera.width)
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return
    texture = sprite.level(height / sprite.levels[0].shape[0])
    if flip:
        texture = texture[:, ::-1]
    patch = _stretch(texture, 0, rows, top, height)
    patch = _stretch(patch, 1, cols, left, width)
    patch[..., SUN] *= sun
    patch[..., EMIT] *= lamps
    layers.put(rows, cols, patch, np.full((1, 1), z, np.float32), owner)


def _clip(start: float, length: float, limit: int) -> slice:
    """Give the whole pixels that [start, start + length] touches, inside the picture."""
    return slice(max(math.floor(start), 0), min(math.ceil(start + length), limit))


def _stretch(texture: Floats, axis: int, pixels: slice, start: float, length: float) -> Floats:
    """Read a texture linearly along one axis at pixel centres, with soft outer edges."""
    texels = texture.shape[axis]
    centre = np.arange(pixels.start, pixels.stop, dtype=np.float32) + 0.5 - start
    place = np.clip(centre / length * texels - 0.5, 0.0, texels - 1.0)
    low = place.astype(np.int32)
    high = np.minimum(low + 1, texels - 1)
    cover = np.clip(np.minimum(centre, length - centre) + 0.5, 0.0, 1.0)
    shape = [1, 1, 1]
    shape[axis] = -1
    share = (place - low).astype(np.float32).reshape(shape)
    out = texture.take(low, axis=axis) * (1 - share) + texture.take(high, axis=axis) * share
    return np.asarray(out * cover.astype(np.float32).reshape(shape), np.float32)


def line(
    layers: Layers,
    camera: Camera,
    sprite: Sprite,
    *,
    z: float,
    u: float,
    y: float = 0.0,
    length: float = 0.0,
    scale: float = 1.0,
    flip: bool = False,
    sun: float = 1.0,
    lamps: float = 1.0,
    owner: int = STATIC,
) -> None:
    """Draw a sprite on an upright plane along the road, from `z` onwards.

    Args:
        layers: What is drawn on.
        camera: The view.
        sprite: Its left edge is the near end.
        z, u, y: Near lower corner.
        length: Metres along the road; 0 takes the sprite's width.
        scale: Height, as a multiple of the sprite's.
        flip: Let the sprite's right edge be the near end.
        sun: Share of sunlight that the plane gets.
        lamps: Share of its own light that the thing gives off at night.
        owner: Vehicle number or STATIC.
    """
    far = z + (length or sprite.width)
    found = _columns(camera, u, max(z, NEAR), far)
    if found is None:
        return
    cols, depth = found
    along = (depth - z) / (far - z)
    near_pixels = camera.focal / float(depth.min()) * sprite.height * scale
    texture = sprite.level(0.8 * near_pixels / sprite.levels[0].shape[0])
    strips = _pick_columns(texture, 1.0 - along if flip else along)
    base, height = camera.row(y, depth), camera.focal * sprite.height * scale / depth
    top_row, end_row = float((base - height).min()), float(base.max())
    rows = _clip(top_row, end_row - top_row, camera.height)
    if rows.start >= rows.stop:
        return
    patch = _fill_columns(strips, rows, base - height, height)
    patch[..., SUN] *= sun
    patch[..., EMIT] *= lamps
    layers.put(rows, cols, patch, depth[None, :], owner)


def _columns(camera: Camera, u: float, near: float, far: float) -> tuple[slice, Floats] | None:
    """Find the columns that see an upright plane along the road, and its distance in each; None if it is edge-on."""
    if far <= near:
        return None
    grid = (1.0 / np.linspace(1.0 / near, 1.0 / far, 48)).astype(np.float32)
    place = camera.column(u, grid)
    sign = 1.0 if place[-1] > place[0] else -1.0
    # A bend hides the part behind its tangent point: keep what is seen from the near end on.
    steady = np.maximum.accumulate(sign * place)
    first, last = sorted((float(sign * steady[0]), float(sign * steady[-1])))
    cols = _clip(first, last - first, camera.width)
    if cols.start >= cols.stop or last - first < 0.3:
        return None
    wanted = np.arange(cols.start, cols.stop) + 0.5
    inverse = np.interp(sign * wanted, steady, 1.0 / grid)
    return cols, (1.0 / inverse).astype(np.float32)


def _pick_columns(texture: Floats, along: Floats) -> Floats:
    """Read texture columns at fractions 0..1 of its width, linearly: float32 [columns, h, CHANNELS]."""
    texels = texture.shape[1]
    place = np.clip(along * texels - 0.5, 0.0, texels - 1.0)
    low = place.astype(np.int32)
    share = (place - low).astype(np.float32)[:, None, None]
    turned = texture.swapaxes(0, 1)
    return np.asarray(turned[low] * (1 - share) + turned[np.minimum(low + 1, texels - 1)] * share, np.float32)


def _fill_columns(strips: Floats, rows: slice, top: Floats, height: Floats) -> Floats:
    """Stretch each texture column over its own rows: float32 [rows, columns, CHANNELS]."""
    count, texels, channels = strips.shape
    centre = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5 - top[None, :]
    place = np.clip(centre * (texels / height) - 0.5, 0.0, texels - 1.0)
    low = place.astype(np.int32)
    share = (place - low).astype(np.float32)[..., None]
    flat = strips.reshape(count * texels, channels)
    start = (np.arange(count, dtype=np.int32) * texels)[None, :]
    cover = np.clip(np.minimum(centre, height - centre) + 0.5, 0.0, 1.0)[..., None]
    low_part = flat.take(start + low, axis=0) * (cover * (1 - share))
    return np.asarray(
        low_part + flat.take(start + np.minimum(low + 1, texels - 1), axis=0) * (cover * share), np.float32
    )
