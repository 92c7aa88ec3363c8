"""Daylight and night: what the layers look like under sun and sky, or under headlamps and street lamps.

Values are linear and open-ended; `lens.develop` turns them into a picture.
"""

import numpy as np

from onestep.scenes.lamps import STANDARD
from onestep.scenes.layers import ALBEDO, ALPHA, AMBIENT, EMIT, RETRO, STREET, SUN
from onestep.scenes.texture import Floats, ramp
from onestep.scenes.view import View

LUX = 15.0
SHEEN = np.asarray([0.017, 0.016, 0.014], np.float32)
"""What glossy paint of the own bonnet mirrors at night: the lit road ahead, dim and even."""


def day(view: View) -> Floats:
    """Light the scene with its own sun and sky: float32 [H, W, 3]."""
    sky = view.sky
    warm = np.asarray([1.0, 0.95 - 0.16 * sky.warmth, 0.87 - 0.37 * sky.warmth], np.float32)
    sun = warm * np.float32(2.6 * sky.strength * (0.45 + 0.55 * np.sin(sky.elevation)))
    grey = np.asarray([0.95, 1.0, 1.05], np.float32) * np.float32(0.42 + 0.8 * sky.clouds)
    ambient = grey * np.asarray(
        [1.0 - 0.25 * sky.strength, 1.0 - 0.1 * sky.strength, 1.0 + 0.1 * sky.strength], np.float32
    )
    lit = reflect(view, sun, ambient)
    lit = through_air(lit, view.distance, sky.haze, _horizon_colour(view))
    return over_sky(view, lit, _day_sky(view))


def bright(view: View) -> Floats:
    """Light the scene by day through a thin, even cover of clouds, without sun or shadows: float32 [H, W, 3]."""
    return _sunless(view, ambient=(1.12, 1.14, 1.16), sight=5000.0)


def mild(view: View) -> Floats:
    """Light it in the same way with more light and a longer sight, as most days have: float32 [H, W, 3]."""
    return _sunless(view, ambient=(1.35, 1.37, 1.4), sight=9000.0)


def _sunless(view: View, *, ambient: tuple[float, float, float], sight: float) -> Floats:
    horizon, zenith = np.asarray([0.92, 0.97, 1.02], np.float32), np.asarray([0.3, 0.52, 0.9], np.float32)
    lit = reflect(view, np.zeros(3, np.float32), np.asarray(ambient, np.float32))
    lit = through_air(lit, view.distance, sight, horizon)
    rise = np.maximum(view.camera.tangents[1][: view.clouds[0].shape[0]], 0.0)[..., None]
    sky = zenith + (horizon - zenith) * np.exp(rise * -4.0)
    return over_sky(view, lit, np.broadcast_to(sky, (len(sky), lit.shape[1], 3)))


def reflect(view: View, sun: Floats, ambient: Floats) -> Floats:
    """Give what diffuse surfaces send back under sun and sky, colours float32 [3]."""
    surface = view.layers.surface
    light = surface[..., SUN, None] * sun + surface[..., AMBIENT, None] * ambient
    return np.asarray(surface[..., ALBEDO] * light, np.float32)


def given_off(view: View) -> Floats:
    """Give the light of lamps and windows themselves, where they are on: float32 [H, W, 3]."""
    surface = view.layers.surface
    street = surface[..., STREET, None] * np.asarray(view.lamps.colour, np.float32)
    return np.asarray(surface[..., EMIT] + street, np.float32)


def through_air(light: Floats, distance: Floats, sight: float, veil: Floats) -> Floats:
    """Blend with the air's own light by distance: Koschmieder's law, with 2 % contrast left at `sight` metres."""
    clear = np.exp(distance * np.float32(-3.912 / sight))[..., None]
    return np.asarray(light * clear + veil * (1.0 - clear), np.float32)


def over_sky(view: View, light: Floats, sky: Floats) -> Floats:
    """Put the sky, float32 [rows, W, 3] from the top, behind the things."""
    rows = sky.shape[0]
    light[:rows] += (sky - light[:rows]) * (1.0 - view.layers.surface[:rows, :, ALPHA, None])
    return light


def _horizon_colour(view: View) -> Floats:
    """Give the colour of the sky at the horizon and of distant air."""
    sky = view.sky
    clear = np.asarray([0.5 + 0.3 * sky.warmth, 0.66 + 0.08 * sky.warmth, 0.85 - 0.1 * sky.warmth], np.float32)
    grey = np.asarray([0.86, 0.89, 0.94], np.float32)
    return clear + (grey - clear) * np.float32(sky.clouds)


def _day_sky(view: View) -> Floats:
    """Paint the blue gradient, the brightness around the sun and the clouds."""
    sky, (right, up) = view.sky, view.camera.tangents
    cover, pattern = view.clouds
    rise = np.maximum(up[: cover.shape[0]], 0.0)[..., None]
    deep = np.asarray([0.09, 0.27, 0.62], np.float32)
    zenith = deep + (np.asarray([0.3, 0.44, 0.68], np.float32) - deep) * np.float32(1.0 - sky.blue)
    blue = zenith + (_horizon_colour(view) - zenith) * np.exp(-rise * 6.5)
    near_sun = np.exp(
        -(((right - np.tan(np.clip(sky.azimuth, -1.2, 1.2))) ** 2)[..., None] + (rise - np.tan(sky.elevation)) ** 2)
        * 1.6
    )
    if abs(sky.azimuth) < 1.3:
        blue = blue + near_sun * np.asarray([0.5, 0.45, 0.35], np.float32) * np.float32(sky.strength)
    shade = np.clip(1.05 - 0.16 * pattern - 0.25 * sky.clouds, 0.4, 1.3)[..., None]
    white = shade * np.asarray([1.3, 1.32, 1.36], np.float32)
    return np.asarray(blue + (white - blue) * cover[..., None], np.float32)


def night(view: View) -> Floats:
    """Light the scene with headlamps, street lamps, windows and a little sky: float32 [H, W, 3]."""
    surface, plan = view.layers.surface, view.night
    glow = np.asarray([1.0, 0.78, 0.55], np.float32)
    dim = np.float32(0.012 * plan.city) * glow + np.float32(0.01 * plan.moon) * np.asarray([0.7, 0.85, 1.2], np.float32)
    near = (view.distance < 700.0).astype(np.float32) * view.outside
    head = _headlamps(view) * near
    light = surface[..., AMBIENT, None] * dim + (head * (0.55 + 0.45 * surface[..., AMBIENT]))[..., None] * np.asarray(
        [1.0, 0.96, 0.88], np.float32
    )
    if view.lamps.step:
        light += (_street_lamps(view) * near * surface[..., AMBIENT])[..., None] * np.asarray(
            view.lamps.colour, np.float32
        )
    lit = surface[..., ALBEDO] * light + given_off(view)
    lit += (surface[..., RETRO] * head * 11.0)[..., None] * (surface[..., ALBEDO] + 0.02)
    lit += SHEEN * (np.float32(plan.sheen) * (1.0 - view.outside))[..., None]
    veil = dim * np.float32(0.5)
    lit = through_air(np.asarray(lit, np.float32), view.distance, 6000.0, veil)
    return over_sky(view, lit, night_sky(view))


def night_sky(view: View) -> Floats:
    """Paint a near-black sky with the city's glow at the horizon and faint clouds."""
    cover, pattern = view.clouds
    rise = np.maximum(view.camera.tangents[1][: cover.shape[0]], 0.0)[..., None]
    dark = np.asarray([0.0035, 0.0045, 0.008], np.float32) * np.float32(0.5 + view.night.moon)
    glow = np.asarray([0.034, 0.026, 0.02], np.float32) * np.float32(view.night.city)
    sky = dark + glow * np.exp(-rise * 6.0)
    return np.asarray(sky * (1.0 + (cover * np.clip(0.5 + 0.3 * pattern, 0, 1.2))[..., None] * 0.8), np.float32)


def _headlamps(view: View) -> Floats:
    """Give the own headlamps' light: low beam with a cut-off that rises to the kerb side, or high beam."""
    _, y, z = view.places
    far = np.maximum(z, 1.0)
    right = view.camera.tangents[0] * np.ones_like(z)
    rise = (y - 0.68) / far
    sides = 0.75 * np.exp(-((right / 0.22) ** 2)) + 0.32 * np.exp(-((right / 0.6) ** 2))
    edge = 0.004 + 0.07 * np.clip(right, 0.0, 0.25)
    below = 1.0 / (1.0 + np.exp(np.clip((rise - edge) / 0.012, -30.0, 30.0)))
    stray = 0.05 + 0.6 * np.exp(-((rise / 0.12) ** 2)) if view.night.high_beam else 0.05
    reach = 55.0 if view.night.high_beam else 30.0
    fall = ramp(z, 1.0, 7.0) / (1.0 + (z / reach) ** 2) ** 1.5
    return np.asarray(view.night.beam * sides * (below + stray) * (0.15 + fall * 0.85) * np.exp(-z / 140.0), np.float32)


def _street_lamps(view: View) -> Floats:
    """Sum the light of all street lamps: they stand at equal steps, so the nearest few of each row are enough."""
    u, y, z = view.places
    step = view.lamps.step
    along = np.mod(z + np.float32(view.camera.s % step) + step / 2, step) - step / 2
    height = view.lamps.kind.light
    drop = np.maximum(height - y, 0.0)
    # Taller lamps are stronger: the ground below is lit alike.
    lux = np.float32(LUX * (height / STANDARD.light) ** 2)
    total = np.zeros_like(z)
    for head in view.lamps.heads:
        level = (u - head) ** 2 + drop**2 + 1.2
        for shift in (-step, 0.0, step):
            square = level + (along - shift) ** 2
            # Horizontal and upright faces alike get a share, as most things here are rough.
            total += (0.25 * np.sqrt(square) + drop) / (square * np.sqrt(square))
    return np.asarray(total * lux * ramp(y, height + 2.0, height - 0.5), np.float32)
