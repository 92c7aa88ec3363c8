"""Put a moment together: ground, far view, shadows, then everything that stands or drives, from far to near."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from onestep.scenes.backdrop import Backdrop, paint_backdrop
from onestep.scenes.camera import Camera
from onestep.scenes.carpaint import KINDS, SHARES, Model, paint_vehicle
from onestep.scenes.clutter import draw_clutter
from onestep.scenes.ground import Land, paint_ground
from onestep.scenes.lamps import STANDARD, draw_kind
from onestep.scenes.layers import Layers
from onestep.scenes.plan import Daylight
from onestep.scenes.road import Road
from onestep.scenes.roadside import Item, Roadside, draw_item, near
from onestep.scenes.shadows import cast
from onestep.scenes.vehicles import Vehicle, draw_vehicle, shade_ground

MODELS = 7
FARTHEST_SHADE = 160.0


@dataclass(frozen=True)
class Props:
    """The painted textures, the roadside and the vehicle models of a scene."""

    land: Land
    backdrop: Backdrop
    roadside: Roadside
    clutter: tuple[Item, ...]
    models: tuple[Model, ...]

    def near(self, camera: Camera) -> list[tuple[float, Item]]:
        """List what stands in sight with its distance in metres, in no order."""
        return near(self.roadside.items + self.clutter, camera)


@lru_cache(maxsize=3)
def paint_props(seed: int, place: str, road: Road, sky: Daylight, *, varied: bool) -> Props:
    """Paint what stays the same over time; kept for the last few scenes, some 30 MB each."""
    rng, others = np.random.default_rng([seed, 2]), np.random.default_rng([seed, 3])
    return Props(
        land=Land.build(rng, road, place),
        backdrop=Backdrop.build(rng, place),
        roadside=Roadside.build(rng, road, place, sky, draw_kind(others) if varied else STANDARD),
        clutter=draw_clutter(others, road) if varied else (),
        models=tuple(paint_vehicle(rng, str(kind)) for kind in rng.choice(KINDS, MODELS, p=SHARES)),
    )


def paint_moment(props: Props, camera: Camera, road: Road, sky: Daylight, cars: list[tuple[float, Vehicle]]) -> Layers:
    """Paint the layers of one moment.

    Args:
        props: From `paint_props`.
        camera: The view.
        road: The road.
        sky: Where the sun is.
        cars: All vehicles with their distance in metres; the place in the list is their number.
    """
    layers = Layers.empty(camera.height, camera.width)
    paint_ground(layers, camera, road, props.land)
    paint_backdrop(layers, camera, props.backdrop)
    items = props.near(camera)
    _paint_shadows(layers, camera, props, sky, items, cars)
    jobs: list[tuple[float, Item | Vehicle, float, int]] = [
        (z + (item.sprite.width / 2 if item.side else 0.0), item, z, -1) for z, item in items
    ]
    jobs += [(z + 1.0, car, z, number) for number, (z, car) in enumerate(cars) if z > -8.0]
    for _, thing, z, number in sorted(jobs, key=lambda job: -job[0]):
        if isinstance(thing, Vehicle):
            draw_vehicle(layers, camera, thing, props.models[thing.model], z, number, sky)
        else:
            draw_item(layers, camera, thing, z)
    return layers


def _paint_shadows(
    layers: Layers,
    camera: Camera,
    props: Props,
    sky: Daylight,
    items: list[tuple[float, Item]],
    cars: list[tuple[float, Vehicle]],
) -> None:
    """Shade the ground: sun shadows of the roadside, shadows and lamp light of the vehicles."""
    if sky.strength > 0.1:
        for z, item in items:
            if item.shadow:
                cast(layers, camera, item, z, sky)
    for z, car in cars:
        if -6.0 < z < FARTHEST_SHADE:
            shade_ground(layers, camera, car, props.models[car.model], z, sky)
