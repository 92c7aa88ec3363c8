"""One moment of a scene: pictures under every condition, depth and flow."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from onestep.errors import SettingError, UnknownNameError
from onestep.scenes.canonical import CANONICAL
from onestep.scenes.layers import HOOD
from onestep.scenes.lens import Exposure, develop
from onestep.scenes.light import bright, day, mild, night
from onestep.scenes.texture import Floats
from onestep.scenes.view import View
from onestep.scenes.weather import fog, rain, wet

CONDITIONS: tuple[str, ...] = ("day", "night", "rain", "fog", *CANONICAL)
"""The last of one kind for all scenes: `wet` is rain without the drops in the air, `dark` is night, `bright` and
`mild` are days without sun or shadows, `murky` is fog; all but `wet` by one camera, too."""
_LIGHT = {
    "day": day,
    "night": night,
    "fog": fog,
    "wet": wet,
    "dark": night,
    "bright": bright,
    "murky": fog,
    "mild": mild,
}
FAR = 720.0  # metres; what is further only turns with the heading


@dataclass(frozen=True)
class SceneFrame:
    """A painted moment; make it with `Scene.at`.

    Attributes:
        seed: Of the scene.
        time: In seconds.
        view: Layers, camera and light.
        movers: Distance that every vehicle has driven since time 0 in metres, float64 [N].
        mirrored: Whether pictures are flipped, for traffic on the left.
    """

    seed: int
    time: float
    view: View
    movers: NDArray[np.float64]
    mirrored: bool

    def render(self, condition: str) -> NDArray[np.uint8]:
        """Show the moment by day, at night, in rain or in fog, of the scene's own kind or of the one kind for all.

        Args:
            condition: One of `CONDITIONS`.

        Returns:
            uint8 [H, W, 3], RGB; the same bytes for the same seed, time, size and condition.

        Raises:
            UnknownNameError: The condition does not exist.
        """
        if condition not in CONDITIONS:
            raise UnknownNameError("condition", condition, CONDITIONS)
        moment = round(self.time * 1000) % 2**32
        rng = np.random.default_rng([self.seed, moment, CONDITIONS.index(condition)])
        view = CANONICAL[condition](self.view) if condition in CANONICAL else self.view
        picture = develop(_light(view, condition, rng), view.lens, rng, _exposure(view, condition))
        return np.ascontiguousarray(picture[:, ::-1] if self.mirrored else picture)

    @cached_property
    def depth(self) -> Floats:
        """Distance along the viewing axis in metres, float32 [H, W]; np.inf in the sky."""
        depth = self.view.layers.depth
        return np.ascontiguousarray(depth[:, ::-1] if self.mirrored else depth)

    def flow_to(self, other: "SceneFrame") -> Floats:
        """Give where every pixel's surface point is in another frame of the same scene and size.

        Exact up to rounding for the road, what stands on it, and vehicles, moving ones included. What is more than
        720 m away and the sky are treated as infinitely far, which is how they are drawn; the own bonnet does not
        move. Points that are hidden in the other frame keep their true flow; points that end up behind the camera
        get the flow of a point 0.5 m in front of it. Clouds, reflections, vehicles' shadows, rain streaks and noise
        are not followed. A vehicle that leaves the 330 m of traffic and comes in again at the other end keeps the
        flow of driving on.

        Returns:
            float32 [H, W, 2], pixels (dx right, dy down).

        Raises:
            SettingError: The other frame is of another scene or size.
        """
        self._check_partner(other)
        ours, theirs, layers = self.view.camera, other.view.camera, self.view.layers
        depth = np.minimum(layers.depth, np.float32(FAR * 2))
        u, y, z = ours.places(depth)
        shift = np.append(other.movers - self.movers, [0.0, 0.0])  # the last two are for STATIC and HOOD
        z = np.maximum(z + np.float32(ours.s - theirs.s) + shift[layers.owner].astype(np.float32), 0.5)
        cols, rows = theirs.column(u, z), theirs.row(y, z)
        here_x, here_y = (np.arange(n, dtype=np.float32) + 0.5 for n in (ours.width, ours.height))
        flow = np.stack([cols - here_x[None, :], rows - here_y[:, None]], axis=-1).astype(np.float32)
        flow[layers.depth > FAR] = self._turn(other)[layers.depth > FAR]
        flow[layers.owner == HOOD] = 0.0
        return np.ascontiguousarray(flow[:, ::-1] * np.asarray([-1, 1], np.float32)) if self.mirrored else flow

    def _turn(self, other: "SceneFrame") -> Floats:
        """Give the flow of infinitely far points, float32 [H, W, 2]."""
        ours, theirs = self.view.camera, other.view.camera
        angle = np.arctan(ours.tangents[0]) + np.float32(ours.heading - theirs.heading)
        place = theirs.centre + theirs.focal * np.tan(np.clip(angle, -1.4, 1.4))
        dx = place - np.arange(ours.width, dtype=np.float32)[None, :] - 0.5
        dy = np.float32(theirs.horizon - ours.horizon)
        return np.stack(np.broadcast_arrays(dx.astype(np.float32), np.full((ours.height, 1), dy)), axis=-1)

    def _check_partner(self, other: "SceneFrame") -> None:
        """Refuse a frame that cannot be compared with this one."""
        if other.seed != self.seed or other.depth.shape != self.depth.shape:
            raise SettingError(
                f"Flow needs two frames of one scene and size, got seed {other.seed} with shape {other.depth.shape} "
                f"for seed {self.seed} with shape {self.depth.shape}."
            )


def _light(view: View, condition: str, rng: np.random.Generator) -> Floats:
    """Compute the light of a condition."""
    return rain(view, rng) if condition == "rain" else _LIGHT[condition](view)


def _exposure(view: View, condition: str) -> Exposure:
    """Choose how the camera takes a condition: the night is pushed, and noisy where it is not `dark`."""
    noise = view.lens.noise
    if condition == "dark":
        return Exposure(view.night.exposure, noise, 0.16)
    if condition == "night":
        return Exposure(view.night.exposure, 1.5 + 1.6 * noise, 0.16)
    return Exposure(1.0, noise, 0.03 if condition in ("rain", "wet") else 0.0)
