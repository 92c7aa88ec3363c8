"""Differentiable augmentation: what the paper says, picture by picture, and reproducible."""

import torch
from torch import Tensor

from onestep.training.discriminators.diff_augment import augmented, random_numbers


def images(seed: int, *, count: int = 2, height: int = 64, width: int = 96) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


NEUTRAL = torch.tensor([[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]])
"""No change of colour, no shift; the square lies in the middle."""


def test_augmentation_by_hand() -> None:
    """Each of the three parts from the paper's code, in its plainest form, on one picture."""
    numbers = torch.tensor([[0.9, 0.2, 0.7, 0.99, 0.1, 0.3, 0.8]])
    picture = images(2, count=1, height=32, width=48)[0]
    x = picture + (0.9 - 0.5)
    x = (x - x.mean(0)) * (2 * 0.2) + x.mean(0)
    x = (x - x.mean()) * (0.7 + 0.5) + x.mean()
    down, right = int(0.99 * 9) - 4, int(0.1 * 13) - 6
    moved = torch.zeros_like(x)
    for row in range(32):
        for column in range(48):
            if 0 <= row - down < 32 and 0 <= column - right < 48:
                moved[:, row, column] = x[:, row - down, column - right]
    top, left = int(0.3 * 33) - 8, int(0.8 * 49) - 12
    moved[:, max(top, 0) : top + 16, max(left, 0) : left + 24] = 0
    torch.testing.assert_close(augmented(picture[None], numbers)[0], moved, atol=1e-6, rtol=1e-5)


def test_neutral_numbers_change_nothing_but_the_hole() -> None:
    picture = images(3, count=1, height=32, width=32)
    changed = augmented(picture, NEUTRAL)
    expected = picture.clone()
    expected[:, :, 8:24, 8:24] = 0
    torch.testing.assert_close(changed, expected, atol=1e-6, rtol=1e-5)


def test_extreme_numbers_keep_the_shape_and_stay_finite() -> None:
    for value in (0.0, 1.0 - 2**-24):
        for height, width in ((32, 32), (31, 45)):
            changed = augmented(images(4, height=height, width=width), torch.full((2, 7), value))
            assert changed.shape == (2, 3, height, width)
            assert torch.isfinite(changed).all()


def test_pictures_are_changed_one_by_one() -> None:
    numbers = random_numbers(3)
    pictures = images(5, count=3)
    together = augmented(pictures, numbers)
    alone = torch.cat([augmented(pictures[i : i + 1], numbers[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone)


def test_the_global_state_decides() -> None:
    torch.manual_seed(7)
    first, other = random_numbers(2), random_numbers(2)
    torch.manual_seed(7)
    assert torch.equal(first, random_numbers(2)) and not torch.equal(first, other)


def test_gradients_pass_where_pixels_are_kept() -> None:
    picture = images(7, count=1, height=32, width=32).requires_grad_()
    augmented(picture, NEUTRAL).sum().backward()  # type: ignore[no-untyped-call]
    assert picture.grad is not None
    assert float(picture.grad[:, :, 0, 0].abs().sum()) > 0
