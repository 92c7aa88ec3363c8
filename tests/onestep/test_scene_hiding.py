"""What stands in a rendered scene hides what is behind it, whichever is drawn first."""

import numpy as np
import pytest

from onestep.scenes.camera import Camera
from onestep.scenes.layers import ALPHA, CHANNELS, Layers
from onestep.scenes.sprite import Sprite, line, stand

CAMERA = Camera(
    width=160, height=90, focal=150.0, centre=80.0, horizon=45.0, above=1.3, s=0.0, u=0.0, curvature=0.0, heading=0.0
)
TREE = 30.0


def opaque(width: float, height: float) -> Sprite:
    texture = np.zeros((32, 32, CHANNELS), np.float32)
    texture[..., ALPHA] = 1.0
    return Sprite.build(texture, width, height)


def painted(*, tree_at: float, tree_first: bool, bank_height: float = 9.0, tree_height: float = 3.0) -> Layers:
    """Paint a bank along the road, 6 m to the right and from 5 to 95 m ahead, and a tree 30 m ahead."""
    layers = Layers.empty(CAMERA.height, CAMERA.width)
    for is_tree in (True, False) if tree_first else (False, True):
        if is_tree:
            stand(layers, CAMERA, opaque(2.0, tree_height), z=TREE, u=tree_at)
        else:
            line(layers, CAMERA, opaque(90.0, bank_height), z=5.0, u=6.0)
    return layers


@pytest.mark.parametrize("tree_first", [False, True])
@pytest.mark.parametrize(("tree_at", "seen"), [(14.0, False), (3.0, True)])
def test_a_bank_hides_the_tree_behind_it_and_not_the_one_before_it(
    tree_at: float, seen: bool, tree_first: bool
) -> None:
    layers = painted(tree_at=tree_at, tree_first=tree_first)
    is_tree = layers.depth == TREE
    assert is_tree.any() == seen
    if seen:
        alone = Layers.empty(CAMERA.height, CAMERA.width)
        stand(alone, CAMERA, opaque(2.0, 3.0), z=TREE, u=tree_at)
        assert np.array_equal(is_tree, alone.depth == TREE), "all of it"
        assert np.isfinite(layers.depth[45, [90, 100]]).all(), "with the bank to both sides"


def test_a_tree_behind_a_bank_shows_its_top() -> None:
    layers = painted(tree_at=10.0, tree_first=False, bank_height=2.0, tree_height=9.0)
    bank = Layers.empty(CAMERA.height, CAMERA.width)
    line(bank, CAMERA, opaque(90.0, 2.0), z=5.0, u=6.0)
    assert (layers.depth == TREE).any()
    assert np.array_equal(layers.depth[np.isfinite(bank.depth)], bank.depth[np.isfinite(bank.depth)])


def test_open_ground_hides_nothing() -> None:
    """The row under a thing's foot is of ground that is nearer than the thing."""
    layers = Layers.empty(CAMERA.height, CAMERA.width)
    layers.depth[46:] = 10.0
    stand(layers, CAMERA, opaque(2.0, 3.0), z=TREE, u=0.0)
    assert layers.depth[50, 80] == TREE


@pytest.mark.parametrize(("second", "seen"), [(4, True), (5, False)])
def test_only_parts_of_one_vehicle_are_drawn_over_nearer_ones(second: int, seen: bool) -> None:
    """A cabin is set back behind its own side, which was drawn before it."""
    layers = Layers.empty(CAMERA.height, CAMERA.width)
    stand(layers, CAMERA, opaque(2.0, 1.5), z=20.0, u=0.0, owner=4)
    stand(layers, CAMERA, opaque(2.0, 1.5), z=22.0, u=0.0, owner=second)
    assert (layers.depth == 22.0).any() == seen


def test_what_is_at_one_place_is_drawn_in_order() -> None:
    layers = Layers.empty(CAMERA.height, CAMERA.width)
    stand(layers, CAMERA, opaque(2.0, 1.5), z=20.0, u=0.0)
    stand(layers, CAMERA, opaque(1.0, 1.0), z=20.3, u=0.0)
    assert (layers.depth == np.float32(20.3)).any()
