"""The road and the land beside it: material of every pixel below the horizon, anchored in the world."""

from dataclasses import dataclass

import numpy as np

from onestep.scenes.camera import Camera
from onestep.scenes.layers import ALBEDO, ALPHA, AMBIENT, RETRO, SUN, Layers
from onestep.scenes.plan import Colour
from onestep.scenes.road import Mark, Road
from onestep.scenes.texture import Floats, band, box_filter, dashes, fractal, ramp

WHITE, YELLOW = (0.78, 0.78, 0.74), (0.72, 0.42, 0.06)
PAINT_RELIEF = 0.35


@dataclass(frozen=True)
class GroundTile:
    """A tileable height of grey, filtered ahead along the road, for a view in which rows see one distance each."""

    levels: tuple[Floats, ...]
    texel: float

    @classmethod
    def build(cls, tile: Floats, texel: float) -> "GroundTile":
        """Filter a tile [along the road, across it] whose texels are `texel` metres wide."""
        return cls(tuple(box_filter(tile, 2**step, 0) for step in range(9)), texel)

    def sample(self, camera: Camera, u: Floats) -> Floats:
        """Read the tile at the ground pixels' places, averaged over each row's footprint; shape of `u`."""
        z = camera.ground_depth
        long = z * z / (camera.focal * camera.above) / self.texel
        along = (camera.s + z.astype(np.float64)) / self.texel
        step = np.clip(np.round(np.log2(np.maximum(long, 1.0))), 0, len(self.levels) - 1).astype(np.int32)
        wide = np.clip(np.round(np.log2(np.maximum(z / camera.focal / self.texel, 1.0))), 0, 7).astype(np.int32)
        row0 = np.floor(along).astype(np.int64)
        share = (along - row0).astype(np.float32)[:, None]
        out = np.empty_like(u)
        for level, blur in {(int(a), int(b)) for a, b in zip(step, wide, strict=True)}:
            pick = np.flatnonzero((step == level) & (wide == blur))
            rows = slice(int(pick[0]), int(pick[-1]) + 1)
            tile = self.levels[level]
            count = tile.shape[0]
            lines = tile[row0[rows] % count] * (1 - share[rows]) + tile[(row0[rows] + 1) % count] * share[rows]
            out[rows] = _read_lines(box_filter(lines, 2**blur, 1), u[rows] / self.texel)
        return out


def _read_lines(lines: Floats, place: Floats) -> Floats:
    """Read every row's own tileable line at places in texels."""
    low = np.floor(place)
    share = place - low
    index = low.astype(np.int32) % lines.shape[1]
    left = np.take_along_axis(lines, index, axis=1)
    right = np.take_along_axis(lines, (index + 1) % lines.shape[1], axis=1)
    return np.asarray(left + (right - left) * share, np.float32)


@dataclass(frozen=True)
class Land:
    """Textures and colours of the ground of one scene.

    Attributes:
        grain: Fine grain, stones and blades.
        patch: Stains, repairs and worn lanes, over metres.
        cracks: Dark joints and cracks.
        field: Reflectance of the land beside the road.
        field_rough: Contrast of its texture.
        pave: Reflectance of pavements and shoulders.
    """

    grain: GroundTile
    patch: GroundTile
    cracks: GroundTile
    field: Colour
    field_rough: float
    pave: Colour

    @classmethod
    def build(cls, rng: np.random.Generator, road: Road, place: str) -> "Land":
        """Draw the textures of a scene."""
        ridge = np.abs(fractal(rng, (256, 128), slope=1.3))
        cracks = np.exp(-((ridge / 0.05) ** 2)) * (fractal(rng, (256, 128), slope=1.5) > 0.3)
        if road.concrete or rng.random() < 0.4:
            cracks[:: int(rng.integers(40, 65))] = 1.0
        green = np.array([0.05, 0.085, 0.025]) * rng.uniform(0.7, 1.5)
        dry = np.array([0.34, 0.25, 0.13]) * rng.uniform(0.7, 1.1)
        field = green + (dry - green) * rng.choice([rng.uniform(0, 0.3), rng.uniform(0.6, 1.0)])
        if place == "urban":
            field = np.array([0.22, 0.21, 0.19]) * rng.uniform(0.7, 1.2)
        grey = rng.uniform(0.16, 0.34)
        return cls(
            grain=GroundTile.build(fractal(rng, (512, 256), slope=0.35), 0.03),
            patch=GroundTile.build(fractal(rng, (256, 128), slope=1.1, stretch=0.35), 0.27),
            cracks=GroundTile.build(cracks.astype(np.float32), 0.09),
            field=(float(field[0]), float(field[1]), float(field[2])),
            field_rough=0.12 if place == "urban" else float(rng.uniform(0.3, 0.5)),
            pave=(float(grey), float(grey * 0.97), float(grey * 0.9)),
        )


def paint_ground(layers: Layers, camera: Camera, road: Road, land: Land) -> None:
    """Fill everything below the horizon with road, marks, kerbs and land."""
    top = camera.first_ground_row
    z = camera.ground_depth[:, None]
    right = camera.tangents[0]
    u = np.asarray(right * z - camera.bend(z) + camera.u, np.float32)
    foot = np.asarray(z / camera.focal * np.ones_like(u), np.float32)
    grain, patch = land.grain.sample(camera, u), land.patch.sample(camera, u)
    sealed = _sealed(road, u, foot)
    view = layers.surface[top:]
    view[..., ALBEDO] = _land_colour(road, land, u, foot, grain, patch)
    surface = _road_tone(road, u, grain, patch, land.cracks.sample(camera, u))
    tint = np.array([1.02, 1.0, 0.95] if road.concrete else [0.98, 1.0, 1.03], np.float32)
    view[..., ALBEDO] += (surface[..., None] * tint - view[..., ALBEDO]) * sealed[..., None]
    view[..., RETRO] = 0.0
    for mark in road.marks:
        _paint_mark(view, camera, mark, u, foot, grain)
    view[..., SUN], view[..., AMBIENT], view[..., ALPHA] = 1.0, 1.0, 1.0
    layers.depth[top:] = z
    layers.road[top:] = sealed


def _sealed(road: Road, u: Floats, foot: Floats) -> Floats:
    """Give the part of each pixel that is road surface."""
    if road.median < 1.0:
        return band(u, road.left_edge, road.right_edge, foot)
    own = band(u, road.divide - 0.4 * road.median, road.right_edge, foot)
    return own + band(u, road.left_edge, road.divide - 0.6 * road.median, foot)


def _land_colour(road: Road, land: Land, u: Floats, foot: Floats, grain: Floats, patch: Floats) -> Floats:
    """Give the reflectance of verges, kerbs and pavements: float32 [R, W, 3]."""
    rough = (1.0 + land.field_rough * (0.6 * grain + 0.7 * patch)).astype(np.float32)
    out = np.maximum(rough, 0.15)[..., None] * np.asarray(land.field, np.float32)
    # Tufts of another colour, so that the land is not one tone.
    tufts = ramp(patch, 0.2, 1.6)[..., None] * land.field_rough
    out += (out * np.array([0.6, 0.95, 0.6], np.float32) - out) * tufts
    edge = 3.2 if road.kerb else 0.7
    beside = band(u, road.left_edge - edge, road.right_edge + edge, foot)[..., None]
    stone = np.maximum(1.0 + 0.1 * grain + 0.08 * patch, 0.3)[..., None] * np.asarray(land.pave, np.float32)
    out += (stone - out) * beside
    if road.kerb:
        for low in (road.left_edge - 0.16, road.right_edge):
            kerb = band(u, low, low + 0.16, foot)[..., None]
            out += (np.asarray(land.pave, np.float32) * 1.35 - out) * kerb
    return np.asarray(out, np.float32)


def _road_tone(road: Road, u: Floats, grain: Floats, patch: Floats, cracks: Floats) -> Floats:
    """Give the reflectance of the road surface: grain, stains, wheel tracks and cracks."""
    within = np.abs(np.mod(u / road.lane + 0.5, 1.0) - 0.5) * road.lane
    tracks = np.exp(-(((within - 0.8) / 0.28) ** 2))
    oil = np.exp(-((within / 0.35) ** 2))
    tone = 1.0 + road.rough * (
        0.13 * grain + 0.1 * patch + 0.07 * tracks * (1 if not road.concrete else -1.6) - 0.1 * oil
    )
    # Repairs are patches with a sharp edge and a darker tone.
    tone -= 0.14 * road.rough * ramp(patch, 1.35, 1.5)
    return np.asarray(np.maximum(tone - 0.45 * cracks, 0.2) * road.tone, np.float32)


def _paint_mark(view: Floats, camera: Camera, mark: Mark, u: Floats, foot: Floats, grain: Floats) -> None:
    """Paint one line, worn where the grain shows through."""
    cols = _mark_columns(camera, mark)
    if cols.start >= cols.stop:
        return
    cover = band(u[:, cols], mark.u - mark.width / 2, mark.u + mark.width / 2, foot[:, cols])
    if mark.period:
        z = camera.ground_depth
        long = np.maximum(z * z / (camera.focal * camera.above), 0.02).astype(np.float32)
        cover = cover * dashes(z + np.float32(camera.s % mark.period), mark.dash, mark.period, long)[:, None]
    cover *= 1.0 - mark.wear * ramp(grain[:, cols], 0.0, 1.8)
    colour = np.asarray(YELLOW if mark.yellow else WHITE, np.float32) * (1.0 - PAINT_RELIEF * mark.wear)
    part = view[:, cols]
    part[..., ALBEDO] += (colour - part[..., ALBEDO]) * cover[..., None]
    part[..., RETRO] += 0.06 * cover


def _mark_columns(camera: Camera, mark: Mark) -> slice:
    """Give the columns in which a line can be seen."""
    columns = camera.column(mark.u, camera.ground_depth)
    reach = camera.focal * mark.width / float(camera.ground_depth.min()) + 2
    low, high = float(columns.min()) - reach, float(columns.max()) + reach
    return slice(int(np.clip(low, 0, camera.width)), int(np.clip(high + 1, 0, camera.width)))
