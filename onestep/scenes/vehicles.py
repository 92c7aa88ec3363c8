"""Traffic: which vehicles there are, where they are at a moment, and how they are drawn."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onestep.scenes.camera import Camera
from onestep.scenes.carpaint import Model
from onestep.scenes.layers import ALBEDO, AMBIENT, EMIT, SUN, Layers
from onestep.scenes.plan import Daylight
from onestep.scenes.road import Road
from onestep.scenes.sprite import line, stand
from onestep.scenes.texture import Floats, ramp

SPAN = 330.0  # metres of road that traffic fills; a vehicle that leaves it comes in again at the other end
BEHIND = 30.0


@dataclass(frozen=True)
class Vehicle:
    """One vehicle: which model, place at time 0 relative to the camera, speed along the road, slow sway, direction.

    `speed` is in m/s, negative for oncoming traffic and 0 for parked cars; `sway` and `rate` let the gap breathe.
    """

    model: int
    start: float
    u: float
    speed: float
    sway: float
    rate: float
    oncoming: bool


def draw_traffic(rng: np.random.Generator, road: Road, place: str, speed: float, models: int) -> tuple[Vehicle, ...]:
    """Draw the vehicles on all lanes, and parked cars in towns."""
    density = float(rng.uniform(0.15, 1.0))
    found: list[Vehicle] = []
    for lane in range(-road.left, road.right + 1):
        pace = speed + (0.0 if lane == 0 else float(rng.normal(0.0, 0.08)) * speed)
        first = float(rng.uniform(9.0, 45.0)) if lane == 0 else float(rng.uniform(-20.0, 30.0))
        found += _draw_lane(rng, lane * road.lane, pace, density, models, first)
    for i in range(road.oncoming):
        u = road.divide - road.median - (i + 0.5) * road.lane
        found += _draw_lane(rng, u, -speed * float(rng.uniform(0.8, 1.1)), density, models, float(rng.uniform(0, 40)))
    if place == "urban" and road.shoulder > 1.6:
        found += _draw_lane(rng, road.right_edge - 1.0, 0.0, 1.0, models, 4.0)
        if road.oncoming:
            found += _draw_lane(rng, road.left_edge + 1.0, 0.0, 1.0, models, 2.0)
    return tuple(found)


def _draw_lane(
    rng: np.random.Generator, u: float, speed: float, density: float, models: int, first: float
) -> list[Vehicle]:
    """Fill one lane with vehicles that keep their distance."""
    out, place = [], first
    parked = speed == 0.0
    while place < SPAN - BEHIND - 14.0:
        if rng.random() < (0.75 if parked else 0.4 + 0.6 * density):
            sway = 0.0 if parked else float(rng.uniform(0.0, 1.2))
            drift = u + float(rng.normal(0.0, 0.05 if parked else 0.18))
            out.append(
                Vehicle(int(rng.integers(models)), place, drift, speed, sway, float(rng.uniform(0.2, 0.5)), speed < 0)
            )
        place += float(rng.uniform(6.5, 9.0)) if parked else float(rng.uniform(14.0, 30.0) / density)
    return out


def driven(vehicle: Vehicle, time: float) -> float:
    """Give how far the vehicle has driven since time 0, in metres along the own direction."""
    return vehicle.speed * time + vehicle.sway * math.sin(vehicle.rate * time + vehicle.start)


def ahead(vehicle: Vehicle, time: float, travelled: float) -> float:
    """Give the distance from the camera to the vehicle's near end in metres, -BEHIND to SPAN - BEHIND."""
    return (vehicle.start + driven(vehicle, time) - travelled + BEHIND) % SPAN - BEHIND


def draw_vehicle(
    layers: Layers, camera: Camera, vehicle: Vehicle, model: Model, z: float, number: int, sky: Daylight
) -> None:
    """Draw one vehicle: far parts first; its side only if the camera can see it."""
    body, u = model.body, vehicle.u
    side = -1.0 if u > camera.u else 1.0
    flip, lamps = vehicle.oncoming, float(vehicle.speed != 0.0)
    if abs(u - camera.u) > body.wide / 2:
        lit = sky.on(0.0, side)
        inner = u + side * (body.roof + 0.03)
        line(
            layers,
            camera,
            model.side_cabin,
            z=z,
            u=inner,
            y=body.belt - 0.08,
            flip=flip,
            sun=lit,
            lamps=lamps,
            owner=number,
        )
        line(layers, camera, model.side, z=z, u=u + side * body.wide / 2, flip=flip, sun=lit, lamps=lamps, owner=number)
    cabin, end = (model.front_cabin, model.front) if vehicle.oncoming else (model.rear_cabin, model.rear)
    set_back = (body.nose if vehicle.oncoming else body.boot) * 0.8
    lit = sky.on(-1.0, 0.0)
    stand(layers, camera, cabin, z=z + set_back, u=u, y=body.belt - 0.3, sun=lit, lamps=lamps, owner=number)
    stand(layers, camera, end, z=z, u=u, sun=lit, lamps=lamps, owner=number)


def shade_ground(layers: Layers, camera: Camera, vehicle: Vehicle, model: Model, z: float, sky: Daylight) -> None:
    """Darken the road under a vehicle, lay its sun shadow, and let its lamps light the road at night."""
    body = model.body
    tip = body.tall / max(math.tan(sky.elevation), 0.3)
    lean_s, lean_u = -math.cos(sky.azimuth) * tip, -math.sin(sky.azimuth) * tip
    reach = 14.0
    rows = camera.ground_rows(z - reach, z + body.long + abs(lean_s) + 1)
    half = body.wide / 2 + max(abs(lean_u), 2.5)
    cols = _columns(camera, vehicle.u, half, max(z - reach, 1.5), z + body.long)
    if rows.stop - rows.start < 1 or cols.stop - cols.start < 1:
        return
    depth = camera.ground_depth[rows.start - camera.first_ground_row : rows.stop - camera.first_ground_row][:, None]
    u = camera.tangents[0][:, cols] * depth - camera.bend(depth) + camera.u - vehicle.u
    view = layers.surface[rows, cols]
    under = _soft_box(u, depth - z - body.long / 2, body.wide / 2 - 0.05, body.long / 2, 0.35)
    view[..., AMBIENT] *= 1.0 - 0.85 * under
    cast = np.maximum(
        under,
        _soft_box(
            u - lean_u / 2,
            depth - z - body.long / 2 - lean_s / 2,
            body.wide / 2 + abs(lean_u) * 0.45,
            body.long / 2 + abs(lean_s) * 0.4,
            0.25,
        ),
    )
    view[..., SUN] *= 1.0 - cast
    view[..., EMIT] += view[..., ALBEDO] * _lamp_pool(vehicle, body.wide, u, z - depth)


def _lamp_pool(vehicle: Vehicle, wide: float, u: Floats, before: Floats) -> Floats:
    """Give the light on the road in front of headlamps or behind tail lamps, `before` metres towards the camera."""
    if vehicle.speed == 0.0:
        return np.zeros((*np.broadcast_shapes(u.shape, before.shape), 3), np.float32)
    spread = wide * 0.6 + 0.12 * np.maximum(before, 0.0)
    pool = ramp(before, -0.2, 2.0) * np.exp(-((u / spread) ** 2))
    fade = np.exp(-np.maximum(before, 0.0) / (4.5 if vehicle.oncoming else 1.6)) * ramp(before, 13.5, 8.0)
    colour = (2.2, 2.1, 1.8) if vehicle.oncoming else (0.45, 0.02, 0.015)
    return np.asarray((pool * fade)[..., None] * np.asarray(colour, np.float32), np.float32)


def _soft_box(x: NDArray[np.floating], y: NDArray[np.floating], half_x: float, half_y: float, soft: float) -> Floats:
    """Give a box's coverage with soft edges."""
    return np.asarray(_within(x, half_x, soft) * _within(y, half_y, soft), np.float32)


def _within(value: NDArray[np.floating], half: float, soft: float) -> Floats:
    """Give the coverage of [-half, half] with soft ends."""
    return ramp(np.asarray(np.abs(value) - half, np.float32), soft, -soft)


def _columns(camera: Camera, u: float, half: float, near: float, far: float) -> slice:
    """Give the columns in which a stretch of road can be seen."""
    ends = [camera.column_at(u + side * half, z) for z in (near, far) for side in (-1, 1)]
    low, high = np.clip([math.floor(min(ends)), math.ceil(max(ends))], 0, camera.width)
    return slice(int(low), int(high))
