"""One moment of a scene, fully painted, as the light and weather need it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from onestep.scenes.backdrop import Backdrop, cloud_cover
from onestep.scenes.camera import Camera
from onestep.scenes.lamps import Lamps
from onestep.scenes.layers import HOOD, Layers
from onestep.scenes.plan import Daylight, Lens
from onestep.scenes.texture import Floats, box_filter


@dataclass(frozen=True)
class NightPlan:
    """How the night differs from scene to scene: headlamp strength, high beam, sky glow, exposure, moon, bonnet."""

    beam: float
    high_beam: bool
    city: float
    exposure: float
    moon: float
    sheen: float = 0.0
    """How much of the lit road the own bonnet mirrors: 0 is black paint under dust, 1 is gloss."""


@dataclass(frozen=True)
class WetPlan:
    """Rain and fog: how much water lies on the road, rain density, slant of the streaks, visibilities in metres."""

    wet: float
    streaks: float
    slant: float
    rain_sight: float
    fog_sight: float


@dataclass(frozen=True)
class View:
    """Painted layers with all that is needed to light them."""

    camera: Camera
    layers: Layers
    backdrop: Backdrop
    lamps: Lamps
    sky: Daylight
    night: NightPlan
    water: WetPlan
    lens: Lens

    @cached_property
    def distance(self) -> Floats:
        """Depth with the sky at 30 km, float32 [H, W]."""
        return np.asarray(np.minimum(self.layers.depth, 30000.0), np.float32)

    @cached_property
    def places(self) -> tuple[Floats, Floats, Floats]:
        """Sideways place, height and distance of every pixel, capped at 700 m."""
        return self.camera.places(np.minimum(self.distance, np.float32(700.0)))

    @cached_property
    def outside(self) -> Floats:
        """1 where the world is seen, 0 on the own car, with a soft edge."""
        mask = (self.layers.owner != HOOD).astype(np.float32)
        return box_filter(box_filter(mask, 3, 1), 3, 0) if (mask < 1.0).any() else mask

    @cached_property
    def clouds(self) -> tuple[Floats, Floats]:
        """Cloud cover and pattern above the horizon; see `cloud_cover`."""
        return cloud_cover(self.camera, self.backdrop, self.sky.clouds)
