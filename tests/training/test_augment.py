"""Pairs of pictures on their way to the network."""

import numpy as np
import pytest
import torch
from torch import Tensor

from onestep.frame_size import FrameSize
from onestep.training.augment import random_camera, random_crops
from onestep.training.pixel_losses import gradient_l1, highlight_l1, pyramid_l1

SIZE = FrameSize(64, 32)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (72, 128, 3), dtype=np.uint8)


def test_both_sides_get_the_same_window_and_flip() -> None:
    view = picture(0)
    for seed in range(10):
        first, second = random_crops([view, 255 - view], size=SIZE, rng=np.random.default_rng(seed))
        assert first.shape == (3, 32, 64)
        torch.testing.assert_close(first, -second, atol=1e-5, rtol=0.0)


def test_windows_differ_and_the_seed_decides() -> None:
    view = picture(0)
    crops = [random_crops([view], size=SIZE, rng=np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    assert torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0], crops[2])


def test_a_camera_changes_appearance_but_not_the_range() -> None:
    image = torch.from_numpy(picture(1)).permute(2, 0, 1).float() / 127.5 - 1.0 - 1e-6  # rounding below -1
    for seed in range(20):
        taken = random_camera(image, np.random.default_rng(seed))
        assert torch.isfinite(taken).all()
        assert -1.0 <= float(taken.min()) <= float(taken.max()) <= 1.0
        assert not torch.equal(taken, image)


def test_losses_agree_with_a_hand_computation() -> None:
    zero, one = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    assert float(pyramid_l1(zero, one)) == pytest.approx(1.0)
    step = torch.zeros(1, 3, 8, 8)
    step[..., 4:] = 1.0
    assert float(gradient_l1(step, zero)) == pytest.approx(1 / 7)
    board = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(4, 4).expand(1, 3, 8, 8)
    assert float(pyramid_l1(board, zero)) == pytest.approx(0.5)
    assert float(pyramid_l1(board, torch.full_like(board, 0.5))) == pytest.approx(0.5 / 4), "coarse levels are right"


def test_bright_places_count_nine_times_wherever_they_are_bright() -> None:
    dark, bright = torch.full((1, 3, 8, 8), -1.0), torch.ones(1, 3, 8, 8)
    assert float(highlight_l1(dark + 0.5, dark)) == pytest.approx((1 + 8 / 4) * 0.5)
    assert float(highlight_l1(bright - 0.5, bright)) == pytest.approx(9 * 0.5)
    red = dark.clone()
    red[:, 0] = 1.0
    assert float(highlight_l1(red + 0.5, red)) == pytest.approx(9 * 0.5), "a tail light is bright in one channel"


def test_a_light_that_cannot_be_foreseen_is_not_best_guessed_bright() -> None:
    """Dark in two of three nights and bright in one: the best guess is the dark one."""
    dark, bright = torch.full((1, 3, 8, 8), -0.8), torch.full((1, 3, 8, 8), 0.2)

    def expected(guess: Tensor) -> float:
        return float(2 * highlight_l1(guess, dark) + highlight_l1(guess, bright)) / 3

    assert expected(dark) < expected(bright)
    assert expected(dark) < expected((dark + bright) / 2)
