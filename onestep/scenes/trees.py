"""Trees, bushes and hedges, painted leaf cluster by leaf cluster."""

import numpy as np

from onestep.scenes.canvas import Canvas, between
from onestep.scenes.plan import Daylight
from onestep.scenes.sprite import Sprite
from onestep.scenes.texture import Floats, fractal, ramp

KINDS = ("round", "tall", "conifer", "open", "bush")


def paint_tree(rng: np.random.Generator, kind: str, sky: Daylight) -> Sprite:
    """Paint one plant of the given kind, lit by the scene's sun."""
    height = {"round": 8.0, "tall": 14.0, "conifer": 12.0, "open": 10.0, "bush": 1.8}[kind] * float(
        rng.uniform(0.8, 1.25)
    )
    width = height * {"round": 0.95, "tall": 0.5, "conifer": 0.5, "open": 1.15, "bush": 1.6}[kind]
    canvas = Canvas(width, height, 168 / height)
    leaf = _leaf_colour(rng, kind)
    edge = fractal(rng, canvas.shape, slope=0.75)
    fine = fractal(rng, canvas.shape, slope=0.3)
    if kind != "bush":
        _paint_trunk(canvas, rng, height, width)
    for x, y, radius in _clusters(rng, kind, width, height):
        _paint_cluster(canvas, (x, y, radius), leaf * rng.uniform(0.75, 1.25), (edge, fine), sky, kind == "open")
    low = ramp(np.broadcast_to(canvas.y / height, canvas.shape).astype(np.float32), 0.0, 0.7)
    canvas.shade(0.55 + 0.45 * low)
    return canvas.sprite()


def _leaf_colour(rng: np.random.Generator, kind: str) -> Floats:
    """Draw a leaf colour: dark needle green, fresh green, olive or autumn."""
    palette = [(0.05, 0.085, 0.03), (0.075, 0.11, 0.03), (0.085, 0.09, 0.04), (0.16, 0.1, 0.03)]
    pick = 0 if kind == "conifer" else int(rng.choice(4, p=[0.35, 0.35, 0.24, 0.06]))
    return np.asarray(palette[pick], np.float32) * np.float32(rng.uniform(0.7, 1.35))


def _paint_trunk(canvas: Canvas, rng: np.random.Generator, height: float, width: float) -> None:
    """Paint trunk and a few limbs."""
    bark = (0.09, 0.07, 0.05)
    thick = 0.035 * height
    lean = rng.normal(0.0, 0.04) * height
    top = (lean, 0.75 * height)
    canvas.paint(
        canvas.outline([(-thick / 2, 0.0), (top[0], top[1]), (top[0] + 0.1, top[1]), (thick / 2, 0.0)]), bark, sun=0.4
    )
    for _ in range(5):
        start = float(rng.uniform(0.25, 0.5))
        x, y = lean * start / 0.75, start * height
        end_x, end_y = x + float(rng.normal(0, 0.25)) * width, y + float(rng.uniform(0.15, 0.35)) * height
        limb = [(x, y), (end_x, end_y), (end_x + 0.08, end_y), (x + thick * 0.4, y)]
        canvas.paint(canvas.outline(limb), bark, sun=0.4)


def _clusters(rng: np.random.Generator, kind: str, width: float, height: float) -> list[tuple[float, float, float]]:
    """Place leaf clusters (x, y, radius), those at the back and bottom first."""
    count = {"round": 42, "tall": 46, "conifer": 54, "open": 40, "bush": 26}[kind]
    out = []
    for _ in range(count):
        rise = float(rng.beta(1.3, 1.2))
        angle, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
        if kind == "conifer":
            y = height * (0.1 + 0.86 * rise)
            x = (1 - rise) ** 0.9 * width * 0.42 * float(rng.uniform(-1, 1))
            radius = width * (0.13 * (1 - rise) + 0.035)
        elif kind == "bush":
            x, y = float(rng.uniform(-0.4, 0.4)) * width, height * 0.62 * rise
            radius = height * float(rng.uniform(0.14, 0.28))
        else:
            middle, tall = (0.6, 0.33) if kind != "tall" else (0.55, 0.4)
            x = float(np.cos(angle) * reach) * width * 0.39
            y = height * (middle + tall * float(np.sin(angle) * reach))
            radius = width * float(rng.uniform(0.06, 0.14) if kind == "open" else rng.uniform(0.09, 0.19))
        out.append((float(x), float(y), float(radius)))
    return sorted(out, key=lambda cluster: cluster[1] + float(rng.normal(0, 0.15)) * height)


def _paint_cluster(
    canvas: Canvas,
    place: tuple[float, float, float],
    leaf: Floats,
    noise: tuple[Floats, Floats],
    sky: Daylight,
    sparse: bool,
) -> None:
    """Paint one cluster as a rough ball, brighter towards the sun and the sky."""
    x, y, radius = place
    edge, fine = noise
    cols = between(canvas.x[0], x - radius * 1.7, x + radius * 1.7)
    rows = between(canvas.y[:, 0], y - radius * 1.7, y + radius * 1.7)
    dx, dy = (canvas.x[:, cols] - x) / radius, (canvas.y[rows] - y) / radius
    rough = np.hypot(dx, dy) + 0.28 * edge[rows, cols] + 0.16 * fine[rows, cols]
    cover = np.clip((1.0 - rough) * 3.5, 0.0, 1.0)
    if sparse:
        cover = cover * np.clip(0.7 + 0.9 * fine[rows, cols], 0.0, 1.0)
    side = -np.cos(sky.azimuth) * 0.45 + np.sin(sky.azimuth) * np.cos(sky.elevation) * dx + np.sin(sky.elevation) * dy
    light = np.clip(0.34 + 0.46 * side + 0.22 * fine[rows, cols] + 0.12 * edge[rows, cols], 0.04, 1.0)
    ambient = np.clip(0.5 + 0.36 * dy + 0.16 * fine[rows, cols], 0.15, 1.0)
    patch = np.zeros((*cover.shape, canvas.data.shape[2]), np.float32)
    patch[..., 0:3] = leaf * np.clip(1.0 + 0.25 * fine[rows, cols], 0.4, 1.6)[..., None]
    patch[..., 3], patch[..., 4], patch[..., 9] = light, ambient, 1.0
    view = canvas.data[rows, cols]
    view += (patch - view) * cover[..., None]
