"""Rain and fog by day: grey light, wet mirrors, spray, and air that hides what is far."""

import numpy as np

from onestep.scenes.layers import ALPHA, EMIT
from onestep.scenes.light import given_off, over_sky, reflect, through_air
from onestep.scenes.streaks import streaks
from onestep.scenes.texture import Floats, box_filter, grow, ramp, wrap_sample
from onestep.scenes.view import View

NO_SUN = np.zeros(3, np.float32)
RAIN_VEIL = np.asarray([0.58, 0.62, 0.66], np.float32)
"""Light that rain in the air scatters into the eye."""


def fog(view: View) -> Floats:
    """Light the scene in fog: float32 [H, W, 3]."""
    ambient = np.asarray([0.95, 1.0, 1.04], np.float32)
    veil = np.asarray([0.74, 0.77, 0.8], np.float32)
    lit = reflect(view, NO_SUN, ambient)
    lit = lit + given_off(view) * np.float32(0.3)
    rows = view.clouds[0].shape[0]
    lit = over_sky(view, np.asarray(lit, np.float32), np.broadcast_to(veil, (rows, lit.shape[1], 3)))
    lit = through_air(lit, view.distance, view.water.fog_sight, veil)
    return np.asarray(lit * (1.0 + 0.08 * ramp(view.camera.tangents[1], -0.3, 0.5))[..., None], np.float32)


def rain(view: View, rng: np.random.Generator) -> Floats:
    """Light the scene in rain, with drops falling: float32 [H, W, 3]."""
    lit, water = wet(view), view.water
    drops = streaks(rng, lit.shape[0], lit.shape[1], slant=water.slant, density=water.streaks)
    return lit + drops[..., None] * RAIN_VEIL


def wet(view: View) -> Floats:
    """Light the scene in rain, less the drops in the air: float32 [H, W, 3].

    It is day: only vehicles have their lamps on, and these do not light the road.
    """
    surface = view.layers.surface
    ambient = np.asarray([0.78, 0.84, 0.9], np.float32)
    soaked = view.layers.road * view.water.wet
    lit = reflect(view, NO_SUN, ambient) * (1.0 - 0.5 * soaked)[..., None]
    lit += surface[..., EMIT] * np.float32(0.12) * (view.layers.owner >= 0)[..., None]
    lit = over_sky(view, np.asarray(lit, np.float32), _rain_sky(view))
    lit += (_mirror(view, lit) - lit * 0.3) * _shine(view, soaked)[..., None]
    lit = through_air(lit, view.distance, view.water.rain_sight, RAIN_VEIL)
    return _spray(view, lit)


def _rain_sky(view: View) -> Floats:
    """Paint an even, slightly structured cloud cover."""
    _, pattern = view.clouds
    return np.asarray(RAIN_VEIL * (1.05 + 0.05 * pattern)[..., None], np.float32)


def _shine(view: View, soaked: Floats) -> Floats:
    """Give how much the wet road mirrors: Schlick's formula for water, less where no water stands."""
    cosine = np.clip(-view.camera.tangents[1], 0.0, 1.0)
    fresnel = 0.03 + 0.97 * (1.0 - cosine) ** 5
    u, _, z = view.places
    along = np.asarray((z + np.float32(view.camera.s % 10000.0)) / 0.35, np.float32)
    pools = 0.62 + 0.16 * wrap_sample(view.backdrop.clouds, along, np.asarray(u / 0.35, np.float32))
    return np.asarray(soaked * fresnel * np.clip(pools, 0.3, 0.95), np.float32)


def _mirror(view: View, light: Floats) -> Floats:
    """Mirror everything that stands in the road plane, smeared along the view as a rough wet surface does.

    A thing at distance d and image row r shows again at row 2 (horizon + focal * above / d) - r.
    """
    camera = view.camera
    height, width = (light.shape[0] + 1) // 2, (light.shape[1] + 1) // 2  # half size is enough for a smeared mirror
    stands = (view.layers.road[::2, ::2] < 0.5) & (view.outside[::2, ::2] > 0.5)
    rows, cols = np.nonzero(stands)
    foot = camera.horizon + camera.focal * camera.above / view.distance[::2, ::2][stands]
    goal = 2.0 * foot - 2.0 * rows - 1.0
    keep = (goal >= camera.first_ground_row) & (goal < light.shape[0]) & (goal > foot - 1.0)
    index = (goal[keep] / 2.0).astype(np.int64) * width + cols[keep]
    seen = light[::2, ::2][stands][keep]
    sums = [np.bincount(index, seen[:, c], height * width) for c in range(3)]
    counts = np.bincount(index, minlength=height * width)
    total = np.stack([*sums, counts], axis=-1).reshape(height, width, 4).astype(np.float32)
    smear = max(int(height * 0.045), 3)
    total = grow(box_filter(box_filter(total, smear, 0), smear, 0), light.shape[0], light.shape[1])
    return np.asarray((total[..., :3] + 0.05 * RAIN_VEIL) / (total[..., 3:] + 0.05), np.float32)


def _spray(view: View, light: Floats) -> Floats:
    """Lay haze over what is close to a wet road, more with distance."""
    _, y, z = view.places
    low = ramp(y, 2.5, 0.0) * (1.0 - np.exp(-z / 90.0)) * view.layers.surface[..., ALPHA] * 0.4
    return np.asarray(light + (RAIN_VEIL - light) * low[..., None], np.float32)
