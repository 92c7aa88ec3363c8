"""Day, rain, fog and night of one kind for all scenes, most of them taken by one camera.

A network that is trained to make the rain or the night of a scene learns the mean of all that they might be, a haze.
Here nothing is left to guess: what a picture by day shows decides all of the result but small things, such as the
colour of a window's light. Rain is by day, and taken as the day is: its camera shows in the input, and is the scene's
own.
"""

from collections.abc import Callable
from dataclasses import replace

from onestep.scenes.plan import Lens
from onestep.scenes.view import NightPlan, View

WET_ROAD, WET_SIGHT = 0.8, 700.0
"""Share of the road under water, and visibility in metres: about the middle of what scenes have."""
FOG_SIGHT = 135.0
"""Visibility in metres: the middle of what scenes have."""
DARK = NightPlan(beam=1.8, high_beam=False, city=0.7, exposure=0.85, moon=0.4, sheen=1.0)
"""The bonnet is as bright as asphalt beside the beam: where a student wrongly sees one, there is no black patch."""
STREET_LIGHT = (1.0, 0.78, 0.5)
"""Of all street lamps, between sodium and white: by day nobody sees which a street has, and the mean is grey."""
BRIGHT_EXPOSURE, FOG_EXPOSURE, DARK_EXPOSURE = 1.0, 1.0, 1.0
CONTRAST = 0.6
MILD_CONTRAST, MILD_BLUR = 0.4, 0.45
"""Of the days that were tried, the nearest to the days of 40 scenes; scenes' cameras blur by 0.25 to 0.75."""


def _bright(view: View) -> View:
    return replace(view, lens=_without_faults(view.lens, BRIGHT_EXPOSURE))


def _mild(view: View) -> View:
    lens = _without_faults(view.lens, BRIGHT_EXPOSURE)
    return replace(view, lens=replace(lens, contrast=MILD_CONTRAST, blur=MILD_BLUR))


def _wet(view: View) -> View:
    return replace(view, water=replace(view.water, wet=WET_ROAD, rain_sight=WET_SIGHT))


def _murky(view: View) -> View:
    return replace(view, water=replace(view.water, fog_sight=FOG_SIGHT), lens=_without_faults(view.lens, FOG_EXPOSURE))


def _dark(view: View) -> View:
    lamps = replace(view.lamps, colour=STREET_LIGHT)
    return replace(view, night=DARK, lamps=lamps, lens=_without_faults(view.lens, DARK_EXPOSURE))


def _without_faults(lens: Lens, exposure: float) -> Lens:
    """Keep where the camera is and where it looks."""
    return replace(
        lens,
        exposure=exposure,
        balance=(1.0, 1.0, 1.0),
        noise=0.0,
        blur=0.0,
        chroma=False,
        vignette=0.0,
        contrast=CONTRAST,
        saturation=1.0,
    )


CANONICAL: dict[str, Callable[[View], View]] = {
    "wet": _wet,
    "dark": _dark,
    "bright": _bright,
    "murky": _murky,
    "mild": _mild,
}
"""For each such condition, what it makes of a moment's light and camera."""

ONE_CAMERA = ("dark", "bright", "murky", "mild")
"""Conditions that one camera takes of all scenes; the others are taken by the camera that takes the day."""
