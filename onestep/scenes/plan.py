"""What is decided once per scene beside the road: the light of the day and the camera."""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Daylight:
    """The sky and the sun.

    Attributes:
        azimuth: Of the sun, radians to the right of the road's direction.
        elevation: Of the sun, radians.
        strength: Of direct sun, 0 (overcast) to 1.
        clouds: Share of the sky under clouds, 0..1.
        warmth: Colour of the sun, 0 (noon) to 1 (low sun).
        haze: Visibility in metres.
        blue: Depth of the sky's blue, 0..1.
    """

    azimuth: float
    elevation: float
    strength: float
    clouds: float
    warmth: float
    haze: float
    blue: float

    def on(self, along: float, across: float) -> float:
        """Give the share of direct sun on an upright face whose outward normal is (along, across) the road."""
        cosine = (np.cos(self.azimuth) * along + np.sin(self.azimuth) * across) * np.cos(self.elevation)
        return 0.08 + 0.92 * float(np.clip(cosine, 0.0, 1.0))


@dataclass(frozen=True)
class Lens:
    """The camera and its faults.

    Attributes:
        above: Height over the road in metres.
        focal: Focal length as a part of the picture's width.
        pitch: Place of the horizon below the picture's middle, as a part of the picture's height.
        yaw: Place of the vanishing point right of the middle, as a part of the width.
        u: Camera's place in the lane in metres.
        exposure: Factor on the light.
        balance: White balance, one gain per colour.
        noise: Of the sensor by day, standard deviation in 8-bit steps.
        blur: Width of the point spread in pixels of a 512 pixel wide picture.
        chroma: Whether colour is kept at half resolution, as video codecs do.
        vignette: Loss of light in the corners, 0..1.
        contrast: Strength of the tone curve's S shape, 0..1.
        saturation: Factor on colour.
        hood: Height of the visible bonnet as a part of the picture's height; 0 is none.
        hood_tone: Its paint, linear RGB.
    """

    above: float
    focal: float
    pitch: float
    yaw: float
    u: float
    exposure: float
    balance: Colour
    noise: float
    blur: float
    chroma: bool
    vignette: float
    contrast: float
    saturation: float
    hood: float
    hood_tone: Colour


def draw_daylight(rng: np.random.Generator) -> Daylight:
    """Draw the weather of the day picture: clear, partly cloudy or overcast."""
    clouds = float(
        rng.choice([rng.uniform(0.0, 0.15), rng.uniform(0.2, 0.65), rng.uniform(0.85, 1.0)], p=[0.5, 0.3, 0.2])
    )
    elevation = float(rng.uniform(0.25, 1.2))
    return Daylight(
        azimuth=float(rng.uniform(-np.pi, np.pi)),
        elevation=elevation,
        strength=float(np.clip(1.15 - clouds * 1.2, 0.0, 1.0)) if clouds < 0.8 else 0.0,
        clouds=clouds,
        warmth=float(np.clip(1.0 - elevation / 0.8, 0.0, 1.0) * rng.uniform(0.4, 1.0)),
        haze=float(np.exp(rng.uniform(np.log(5000), np.log(40000)))),
        blue=float(rng.uniform(0.3, 1.0)),
    )


def draw_lens(rng: np.random.Generator) -> Lens:
    """Draw a camera, from a sharp recent dashcam to a soft, noisy or badly balanced one."""
    warm, tint = rng.normal(0.0, 0.06), rng.normal(0.0, 0.025)
    body = float(rng.choice([rng.uniform(0.02, 0.08), rng.uniform(0.1, 0.5)]))
    return Lens(
        above=float(rng.uniform(1.05, 1.75) if rng.random() < 0.9 else rng.uniform(1.8, 2.6)),
        focal=float(rng.uniform(0.6, 1.15)),
        pitch=float(rng.uniform(-0.12, 0.12)),
        yaw=float(rng.normal(0.0, 0.03)),
        u=float(rng.normal(0.0, 0.3)),
        exposure=float(np.exp(rng.normal(-0.1, 0.22))),
        balance=(float(1 + warm), float(1 + tint), float(1 - warm)),
        noise=float(rng.uniform(0.3, 2.2)),
        blur=float(rng.uniform(0.25, 0.75)),
        chroma=bool(rng.random() < 0.7),
        vignette=float(rng.uniform(0.0, 0.25)),
        contrast=float(rng.uniform(0.2, 1.0)),
        saturation=float(rng.uniform(0.8, 1.35)),
        hood=float(rng.uniform(0.03, 0.14)) if rng.random() < 0.35 else 0.0,
        hood_tone=(body, body * float(rng.uniform(0.8, 1.1)), body * float(rng.uniform(0.7, 1.2))),
    )
