"""What a translation has to make is found, and counts."""

import dataclasses

import pytest
import torch
from torch import Tensor

from onestep.training.students.batch import Batch
from onestep.training.students.losses import LossWeights, student_loss
from onestep.training.students.made import made_difference, unexplained

SIDE = 64


def street() -> Tensor:
    """A picture with structure of all sizes."""
    generator = torch.Generator().manual_seed(2)
    coarse = torch.rand(1, 3, 8, 8, generator=generator)
    fine = torch.rand(1, 1, SIDE, SIDE, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear") + 0.4 * fine - 0.9


def dimmed(image: Tensor) -> Tensor:
    """Darken and tint, more to the right: a smooth map of the light."""
    share = torch.linspace(0.3, 0.8, SIDE)
    grey = image.mean(dim=1, keepdim=True)
    return grey * share + torch.tensor([0.1, 0.0, -0.1])[None, :, None, None] * share


def with_lamp(picture: Tensor) -> Tensor:
    lit = picture.clone()
    lit[..., 30:34, 40:44] = torch.tensor([1.0, -0.2, -0.2])[None, :, None, None]
    return lit


def test_a_smooth_map_of_the_light_is_explained_and_a_lamp_is_not() -> None:
    image = street()
    assert unexplained(image, dimmed(image)).max() < 0.05
    found = unexplained(image, with_lamp(dimmed(image)))[0, 0]
    assert found[30:34, 40:44].min() > 0.5
    far = found.clone()
    far[12:52, 22:62] = 0.0
    assert far.max() < 0.05, "elsewhere nothing changes"


def test_a_missing_lamp_counts_as_much_as_one_that_should_not_be_there() -> None:
    image = street()
    dark, lit = dimmed(image), with_lamp(dimmed(image))
    assert made_difference(lit, lit, image) == 0.0
    assert made_difference(dark, dark, image) == 0.0
    missing = made_difference(dark, lit, image)
    assert missing > 0.3, "a lamp of 16 pixels among 4096"
    assert torch.isclose(made_difference(lit, dark, image), missing)


def test_a_missing_lamp_asks_for_its_light() -> None:
    image = street()
    result = dimmed(image).requires_grad_(True)
    made_difference(result, with_lamp(dimmed(image)), image).backward()  # type: ignore[no-untyped-call]
    assert result.grad is not None
    lamp, corner = result.grad[0, :, 30:34, 40:44], result.grad[0, :, :8, :8]
    assert (lamp[0] < 0).all(), "more red"
    assert corner.abs().max() < 0.01 * lamp.abs().max()


@pytest.mark.parametrize("size", [(4, 4), (20, 36)])
def test_pictures_may_have_any_size(size: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size) * 2.0 - 1.0
    assert unexplained(image, image.flip(1)).shape == (2, 1, *size)


def test_the_loss_counts_what_has_to_be_made_by_its_weight() -> None:
    image = street()
    batch = Batch(image=image, truth=with_lamp(dimmed(image)), teacher=None, flow=None)
    plain = LossWeights(teacher=0.0, lamps=0.0, perceptual=0.0)
    without, half = (
        student_loss(dimmed(image), batch, weights=dataclasses.replace(plain, lamps=lamps), perceptual=None)
        for lamps in (0.0, 0.5)
    )
    made = made_difference(dimmed(image), with_lamp(dimmed(image)), image)
    torch.testing.assert_close(half - without, 0.5 * made)
