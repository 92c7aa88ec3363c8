"""Street lamps of scenes to learn from: many makes, each of which shines where it is painted."""

from dataclasses import replace

import numpy as np
import pytest

from onestep.scenes import Scene
from onestep.scenes.canvas import Canvas
from onestep.scenes.lamps import STANDARD, LampKind, draw_kind, draw_lamps, paint_lamp
from onestep.scenes.layers import STREET


def test_varied_scenes_have_lamps_of_many_makes() -> None:
    kinds = [draw_kind(np.random.default_rng([seed, 3])) for seed in range(60)]
    assert {kind.head for kind in kinds} == {"box", "cobra", "globe", "lantern"}
    assert len({round(kind.light) for kind in kinds}) > 5 and {kind.double for kind in kinds} == {True, False}
    varied, plain = (
        scene.at(1.0, size=(64, 48)).view.lamps.kind for scene in (Scene.random(3).with_variety(), Scene.random(3))
    )
    assert plain == STANDARD != varied


def test_the_lamp_of_test_scenes_stays_as_it_was() -> None:
    """Published figures rest on these scenes."""
    canvas = Canvas(4.2, 8.3, 26)
    grey = float(np.random.default_rng(5).uniform(0.08, 0.4))
    steel, glass = (grey, grey, grey), (0.6, 0.6, 0.58)
    canvas.paint(canvas.outline([(-0.1, 0.0), (-0.05, 8.0), (0.05, 8.0), (0.1, 0.0)]), steel)
    canvas.paint(canvas.box(-1.6, 0.05, 7.95, 8.05), steel)
    canvas.paint(canvas.box(-1.95, -1.25, 7.92, 8.12, 0.06), steel)
    canvas.paint(canvas.box(-1.92, -1.28, 7.84, 7.96, 0.03), glass, street=38.0)
    now, then = paint_lamp(np.random.default_rng(5), STANDARD), canvas.sprite()
    np.testing.assert_allclose(now.levels[0], then.levels[0], atol=1e-4)
    assert STANDARD.light == pytest.approx(7.9)


@pytest.mark.parametrize(
    "kind",
    [
        STANDARD,
        LampKind(height=10.0, arm=2.0, rise=1.0, head="cobra", double=True),
        LampKind(height=4.0, arm=0.0, head="globe", long=0.25),
        LampKind(height=4.0, arm=0.0, head="lantern", long=0.25),
    ],
    ids=lambda kind: kind.head,
)
def test_a_lamp_shines_where_its_light_is(kind: LampKind) -> None:
    """The painted glass is where the ground's light comes from: at the arm's end, at the height of `light`."""
    sprite = paint_lamp(np.random.default_rng(0), kind)
    texture = sprite.levels[0]
    rows, columns = np.nonzero(texture[..., STREET] > 0.2 * texture[..., STREET].max())
    height = sprite.height * (1.0 - (rows + 0.5) / texture.shape[0])
    across = sprite.width * ((columns + 0.5) / texture.shape[1] - 0.5)
    assert abs(height.mean() - kind.light) < 0.4
    assert abs(np.abs(across).mean() - kind.arm) < 0.25
    assert (across.min() < 0.0) and (across.max() > 0.0) == (kind.double or not kind.arm)


def test_a_median_has_masts_with_two_arms() -> None:
    road = replace(Scene.random(3).road, median=3.0)
    for seed in range(40):
        lamps = draw_lamps(np.random.default_rng(seed), road, "urban", 480.0, LampKind(double=True))
        if lamps.step:
            middle = road.divide - 1.5
            assert sorted(lamps.heads) == pytest.approx([middle - 1.6, middle + 1.6])
