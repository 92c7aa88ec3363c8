"""A driving scene: everything that one seed decides, and its frames over time."""

import math
from dataclasses import dataclass, replace

import numpy as np

from onestep.errors import SettingError
from onestep.scenes.camera import Camera
from onestep.scenes.compose import MODELS, paint_moment, paint_props
from onestep.scenes.frame import SceneFrame
from onestep.scenes.hood import paint_hood
from onestep.scenes.plan import Daylight, Lens, draw_daylight, draw_lens
from onestep.scenes.road import PLACES, Road, draw_road
from onestep.scenes.vehicles import Vehicle, ahead, draw_traffic, driven
from onestep.scenes.view import NightPlan, View, WetPlan


@dataclass(frozen=True)
class Scene:
    """Parameters of one scene; use `Scene.random`.

    Attributes:
        seed: What everything is drawn from.
        place: "urban", "suburb", "rural" or "highway".
        speed: Of the own car in m/s.
        start: Place on the road at time 0 in metres.
        shake: Of the camera's pitch, as a part of the picture's height.
        mirrored: Whether traffic keeps to the left.
        road, sky, lens, night, water: See their classes.
        traffic: All vehicles.
        varied: Whether it has more than the plan of a road foresees; see `with_variety`.
    """

    seed: int
    place: str
    speed: float
    start: float
    shake: float
    mirrored: bool
    road: Road
    sky: Daylight
    lens: Lens
    night: NightPlan
    water: WetPlan
    traffic: tuple[Vehicle, ...]
    varied: bool = False

    @classmethod
    def random(cls, seed: int) -> "Scene":
        """Draw a scene from a seed.

        Raises:
            SettingError: The seed is not a whole number of 0 or more.
        """
        checked = _whole(seed)
        if checked is None or checked < 0:
            raise SettingError(f"The seed has to be a whole number of 0 or more, got {seed!r}.")
        rng = np.random.default_rng([checked, 1])
        place = str(rng.choice(PLACES, p=[0.3, 0.17, 0.18, 0.35]))
        road = draw_road(rng, place)
        low, high = {"urban": (5, 14), "suburb": (8, 15), "rural": (13, 25), "highway": (20, 34)}[place]
        speed = float(rng.uniform(low, high))
        scene = cls(
            seed=checked,
            place=place,
            speed=speed,
            start=float(rng.uniform(0, 480)),
            shake=float(rng.uniform(0.0005, 0.004)),
            mirrored=bool(rng.random() < 0.2),
            road=road,
            sky=draw_daylight(rng),
            lens=draw_lens(rng),
            night=_draw_night(rng, place, road.tone),
            water=_draw_water(rng),
            traffic=draw_traffic(rng, road, place, speed, MODELS),
        )
        return replace(scene, night=replace(scene.night, sheen=float(rng.uniform())))  # last: the rest is as ever

    def with_variety(self) -> "Scene":
        """Return the same scene with what no plan of a road foresees.

        People, poles, and flat things of any colour and pattern stand beside the road, and its lamps are of any make.
        Networks learn from it to go by the light on things that they cannot name; it is in no test material.
        """
        return replace(self, varied=True)

    def at(self, time_seconds: float, *, size: tuple[int, int]) -> SceneFrame:
        """Paint the moment `time_seconds`, from which every condition can be rendered.

        The first call for a scene paints its textures, which takes some tenths of a second.

        Args:
            time_seconds: Any finite time.
            size: Width and height in pixels, each at least 16.

        Raises:
            SettingError: The size or the time is not usable.
        """
        width, height = _checked_size(size)
        if not math.isfinite(time_seconds):
            raise SettingError(f"The time has to be a finite number of seconds, got {time_seconds!r}.")
        time = float(time_seconds)
        props = paint_props(self.seed, self.place, self.road, self.sky, varied=self.varied)
        camera = self._camera(time, width, height)
        cars = [(ahead(car, time, camera.s - self.start), car) for car in self.traffic]
        layers = paint_moment(props, camera, self.road, self.sky, cars)
        paint_hood(layers, self.lens)
        view = View(camera, layers, props.backdrop, props.roadside.lamps, self.sky, self.night, self.water, self.lens)
        movers = np.asarray([driven(car, time) for car in self.traffic], np.float64)
        return SceneFrame(self.seed, time, view, movers, self.mirrored)

    def _camera(self, time: float, width: int, height: int) -> Camera:
        """Place the camera: it drives, sways in its lane and nods."""
        phase = self.seed % 100
        nod = math.sin(5.1 * time + phase) + 0.6 * math.sin(9.7 * time + 2 * phase)
        travelled = self.speed * time
        return Camera(
            width=width,
            height=height,
            focal=self.lens.focal * width,
            centre=width * (0.5 + self.lens.yaw),
            horizon=height * (0.5 + self.lens.pitch + self.shake * nod),
            above=self.lens.above,
            s=self.start + travelled,
            u=self.lens.u + 0.15 * math.sin(0.35 * time + phase),
            curvature=self.road.curvature,
            heading=phase + self.road.curvature * travelled,
        )


def _draw_night(rng: np.random.Generator, place: str, tone: float) -> NightPlan:
    """Draw how dark the night is and how strong the headlamps are; the camera closes down on a light road."""
    city = {"urban": 1.05, "suburb": 0.9, "rural": 0.25, "highway": 0.6}[place] * float(rng.uniform(0.5, 1.5))
    return NightPlan(
        beam=float(rng.uniform(1.2, 2.4)),
        high_beam=bool(rng.random() < 0.12),
        city=city,
        exposure=float(np.exp(rng.normal(0.0, 0.2))) * float(np.clip((0.11 / tone) ** 0.4, 0.5, 1.1)),
        moon=float(rng.uniform(0.1, 1.0)),
    )


def _draw_water(rng: np.random.Generator) -> WetPlan:
    """Draw the rain and the fog."""
    return WetPlan(
        wet=float(rng.uniform(0.6, 1.0)),
        streaks=float(rng.uniform(0.4, 1.4)),
        slant=float(rng.normal(0.0, 0.15)),
        rain_sight=float(rng.uniform(300, 1200)),
        fog_sight=float(np.exp(rng.uniform(np.log(70), np.log(260)))),
    )


def _whole(value: object) -> int | None:
    """Give a whole number as an int, None for anything else."""
    return int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else None


def _checked_size(size: object) -> tuple[int, int]:
    """Check a picture size."""
    numbers = [_whole(value) for value in size] if isinstance(size, tuple | list) else []
    good = [number for number in numbers if number is not None and number >= 16]
    if len(numbers) != 2 or len(good) != 2:
        raise SettingError(f"The size has to be (width, height) in whole pixels of at least 16, got {size!r}.")
    return good[0], good[1]
