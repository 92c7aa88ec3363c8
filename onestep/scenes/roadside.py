"""What stands beside the road: which things, where, and their drawing together with the traffic from far to near."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onestep.scenes.buildings import House, paint_house
from onestep.scenes.camera import Camera
from onestep.scenes.furniture import paint_rail, paint_sign
from onestep.scenes.lamps import LampKind, Lamps, draw_lamps, paint_lamp
from onestep.scenes.layers import Layers
from onestep.scenes.plan import Daylight
from onestep.scenes.road import Road
from onestep.scenes.sprite import Sprite, line, stand
from onestep.scenes.trees import KINDS, paint_tree

LOOP = 480.0  # metres after which the roadside comes again; more than can be seen at once
BEHIND = 12.0


@dataclass(frozen=True)
class Item:
    """One thing: its picture, near end `s`, place `u`, scale, mirrored or not, for planes the side it is on.

    `side` is 0 for things that face the camera, -1 or 1 for planes along the road on the left or right.
    """

    sprite: Sprite
    s: float
    u: float
    scale: float = 1.0
    flip: bool = False
    side: int = 0
    sun: float = 1.0
    shadow: bool = False


@dataclass(frozen=True)
class Roadside:
    """All things beside the road and the street lighting."""

    items: tuple[Item, ...]
    lamps: Lamps

    @classmethod
    def build(cls, rng: np.random.Generator, road: Road, place: str, sky: Daylight, kind: LampKind) -> "Roadside":
        """Paint and place everything; takes some tenths of a second."""
        lamps = draw_lamps(rng, road, place, LOOP, kind)
        items = _lamp_items(rng, lamps)
        items += _sign_items(rng, road, place)
        items += _rail_items(rng, road, place, sky)
        if place in ("urban", "suburb"):
            items += _house_items(rng, road, place, sky)
        items += _tree_items(rng, road, place, sky)
        return cls(tuple(items), lamps)


def near(items: Sequence[Item], camera: Camera) -> list[tuple[float, Item]]:
    """List which of the things can be seen with their distance in metres, in no order."""
    # A long stretch that began behind the camera may still reach past it.
    back = [BEHIND + (item.sprite.width if item.side else 0.0) for item in items]
    found = [((item.s - camera.s + b) % LOOP - b, item) for item, b in zip(items, back, strict=True)]
    return [(z, item) for z, item in found if z + (item.sprite.width if item.side else 0.0) > 1.7]


def draw_item(layers: Layers, camera: Camera, item: Item, z: float) -> None:
    """Draw one thing at its distance."""
    if item.side:
        line(layers, camera, item.sprite, z=z, u=item.u, scale=item.scale, flip=item.flip, sun=item.sun)
    else:
        stand(layers, camera, item.sprite, z=z, u=item.u, scale=item.scale, flip=item.flip, sun=item.sun)


def _lamp_items(rng: np.random.Generator, lamps: Lamps) -> list[Item]:
    """Place the posts."""
    if not lamps.step:
        return []
    sprite = paint_lamp(rng, lamps.kind)
    return [
        Item(sprite, i * lamps.step, u, flip=side > 0, shadow=True)
        for i in range(round(LOOP / lamps.step))
        for u, side in lamps.posts
    ]


def _sign_items(rng: np.random.Generator, road: Road, place: str) -> list[Item]:
    """Place traffic signs, boards on highways among them."""
    kinds = ["plate", "board", "board", "diamond"] if place == "highway" else ["round", "triangle", "diamond", "plate"]
    sprites = [(kind, paint_sign(rng, kind)) for kind in kinds]
    out = []
    for s in np.arange(float(rng.uniform(0, 40)), LOOP, float(rng.uniform(28, 70))):
        kind, sprite = sprites[int(rng.integers(len(sprites)))]
        side = 1 if rng.random() < 0.75 else -1
        away = 3.4 if kind == "board" else float(rng.uniform(0.6, 1.4))
        u = road.right_edge + away if side > 0 else road.left_edge - away
        out.append(Item(sprite, float(s), u, shadow=True))
    return out


def _rail_items(rng: np.random.Generator, road: Road, place: str, sky: Daylight) -> list[Item]:
    """Place rails, barriers, hedges, walls and banks that run along the road."""
    out: list[Item] = []
    if road.median >= 1.0:
        kind = "barrier" if rng.random() < 0.5 else "rail"
        out += _run(rng, kind, road.divide - road.median / 2, -1, sky, share=1.0)
    by_place = {
        "highway": ["rail", "barrier", "wall", "bank", "bank", ""],
        "rural": ["fence", "hedge", "bank", "rail", ""],
        "suburb": ["fence", "hedge", "wall", ""],
        "urban": [""],
    }[place]
    for side in (-1, 1):
        kind = by_place[int(rng.integers(len(by_place)))]
        away = {"bank": 5.0, "hedge": 4.2, "fence": 4.0, "wall": 4.5}.get(kind, 0.8)
        if kind:
            u = road.right_edge + away if side > 0 else road.left_edge - away
            out += _run(rng, kind, u, side, sky, share=1.0 if kind == "bank" else float(rng.choice([1.0, 0.7])))
    return out


def _run(rng: np.random.Generator, kind: str, u: float, side: int, sky: Daylight, share: float) -> list[Item]:
    """Repeat a stretch along the loop; `share` of the stretches are there."""
    sprite = paint_rail(rng, kind)
    width, sun = sprite.width, sky.on(0.0, -float(side))
    if kind == "bank":
        sun = float(np.clip(0.55 * np.sin(sky.elevation) + 0.6 * sun, 0.1, 1.0))
    gap = rng.random(round(LOOP / width)) < share
    return [Item(sprite, i * width, u, side=side, sun=sun) for i in range(round(LOOP / width)) if gap[i]]


def _house_items(rng: np.random.Generator, road: Road, place: str, sky: Daylight) -> list[Item]:
    """Place houses along both sides: rows in towns, with gardens between them elsewhere."""
    houses = [paint_house(rng, place) for _ in range(6 if place == "urban" else 4)]
    out: list[Item] = []
    for side in (-1, 1):
        set_back = float(rng.uniform(3.3, 6.0) if place == "urban" else rng.uniform(8.0, 14.0))
        u = road.right_edge + set_back if side > 0 else road.left_edge - set_back
        s = 0.0
        while s < LOOP - 22.0:
            house = houses[int(rng.integers(len(houses)))]
            if rng.random() < 0.88:
                out += _place_house(house, s, u, side, sky)
            s += house.front.width + float(
                rng.choice([0.0, 0.0, 4.0, 12.0]) if place == "urban" else rng.uniform(6, 16)
            )
    return out


def _place_house(house: House, s: float, u: float, side: int, sky: Daylight) -> list[Item]:
    """Place a house's front along the road and its end wall across it."""
    middle = u + side * house.end.width / 2
    return [
        Item(house.end, s, middle, sun=sky.on(-1.0, 0.0)),
        Item(house.front, s, u, side=side, sun=sky.on(0.0, -float(side)), shadow=True),
    ]


def _tree_items(rng: np.random.Generator, road: Road, place: str, sky: Daylight) -> list[Item]:
    """Place trees and bushes: rows in towns, groups and woods elsewhere."""
    kinds = [KINDS[int(i)] for i in rng.integers(0, len(KINDS), 4)] + ["bush"]
    sprites = [paint_tree(rng, kind, sky) for kind in kinds]
    count = int(rng.integers(6, 28)) if place == "urban" else int(rng.integers(40, 140))
    nearest = 1.6 if place == "urban" else 2.4 if place == "suburb" else 6.5
    spread = {"urban": 0.5, "suburb": 5.0, "rural": 22.0, "highway": 26.0}[place]
    out = []
    for _ in range(count):
        sprite = sprites[int(rng.integers(len(sprites)))]
        away = nearest + float(rng.beta(1.0, 1.6)) * spread
        u = road.right_edge + away if rng.random() < 0.5 else road.left_edge - away
        scale = float(rng.uniform(0.6, 1.2)) * (0.75 if place == "urban" else 1.0)
        out.append(Item(sprite, float(rng.uniform(0, LOOP)), u, scale, bool(rng.random() < 0.5), shadow=True))
    return out
