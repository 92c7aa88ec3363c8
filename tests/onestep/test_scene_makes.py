"""Vehicles of scenes to learn from: of any make, which mirrors the day and shines at night where its lamps are."""

from dataclasses import replace

import numpy as np
import pytest

from onestep.scenes import Scene
from onestep.scenes.carpaint import paint_vehicle
from onestep.scenes.layers import AMBIENT, EMIT, SUN
from onestep.scenes.makes import BODIES, KINDS, SHAPES, Make, draw_make, standard_make

REAR_BEFORE = [0.05761, 0.05285, 0.08175, 0.37693, 0.47569, 0.52452, 0.01968, 0.01167, 0.00712, 0.81635, 0.0]
SIDE_BEFORE = [0.03966, 0.04775, 0.08181, 0.36989, 0.43487, 0.11802, 0.06385, 0.05202, 0.0, 0.80084, 0.0]
"""Means of the channels of one sedan, of the code before there were makes."""
SPRITES = ("rear", "rear_cabin", "front", "front_cabin", "side", "side_cabin")


def makes(count: int = 60, kind: str = "sedan") -> list[Make]:
    return [draw_make(np.random.default_rng([seed, 3]), kind) for seed in range(count)]


def test_varied_scenes_have_vehicles_of_many_makes() -> None:
    drawn = makes()
    assert {make.tail.shape for make in drawn} == {make.head.shape for make in drawn} == set(SHAPES)
    strong = [make for make in drawn if max(make.paint) > 3.0 * min(make.paint)]
    red = [make for make in strong if make.paint[0] > 2.0 * max(make.paint[1:])]
    assert len(strong) > 15 and len(drawn) - len(strong) > 15 and len(red) > 8
    widths = [make.tail.wide for make in drawn]
    assert min(widths) < 0.2 and max(widths) > 0.5
    varied, plain = (scene.at(1.0, size=(64, 48)) for scene in (Scene.random(3).with_variety(), Scene.random(3)))
    assert not np.array_equal(varied.view.layers.surface, plain.view.layers.surface)


def test_the_vehicles_of_test_scenes_stay_as_they_were() -> None:
    """Published figures rest on these scenes."""
    model = paint_vehicle("sedan", standard_make(np.random.default_rng(5), "sedan"))
    for sprite, then in ((model.rear, REAR_BEFORE), (model.side, SIDE_BEFORE)):
        np.testing.assert_allclose(sprite.levels[0].mean(axis=(0, 1)), then, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_vehicle_mirrors_gives_no_light_at_night(kind: str) -> None:
    glossy = replace(makes(kind=kind)[0], gloss=1.0)
    matt, mirroring = (paint_vehicle(kind, make) for make in (replace(glossy, gloss=0.0), glossy))

    def differ(channel: int | slice) -> bool:
        pairs = ((getattr(model, name).levels[0][..., channel] for model in (matt, mirroring)) for name in SPRITES)
        return any(not np.allclose(one, other, atol=1e-6) for one, other in pairs)

    assert differ(SUN) and differ(AMBIENT) and not differ(EMIT)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tail_lamp_shines_where_it_is(shape: str) -> None:
    make, half = makes()[0], BODIES["sedan"].wide / 2
    lamp = replace(make.tail, low=0.6, high=0.8, wide=0.3, shape=shape, pale=0.0)
    sprite = paint_vehicle("sedan", replace(make, tail=lamp)).rear
    texture = sprite.levels[0]
    rows, columns = np.nonzero(texture[..., EMIT][..., 0] > 0.5 * lamp.glow[0])
    height = sprite.height * (1.0 - (rows + 0.5) / texture.shape[0])
    across = sprite.width * ((columns + 0.5) / texture.shape[1] - 0.5)
    assert 0.58 < height.min() < height.max() < 0.82
    assert half - 0.38 < np.abs(across).min() < np.abs(across).max() < half
    assert across.mean() == pytest.approx(0.0, abs=0.02)
