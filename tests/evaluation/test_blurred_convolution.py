"""A convolution and a blur in one: the same as one after the other, up to the border, and in its gradient."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from onestep.evaluation.networks.blurred_convolution import blur_halved, convolved_and_blur_halved

CHANNELS, KERNEL, PADDING = 8, 11, 2


def layer() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(CHANNELS, 3, KERNEL, KERNEL, generator=generator, dtype=torch.float64)
    bias = torch.randn(CHANNELS, generator=generator, dtype=torch.float64)
    blur = torch.rand(CHANNELS, 1, 3, 3, generator=generator, dtype=torch.float64)  # no symmetry to hide behind
    return weight, bias, blur


@pytest.mark.parametrize(("height", "width"), [(24, 24), (24, 37), (41, 64), (65, 33)])
def test_it_is_the_convolution_and_then_the_blur(height: int, width: int) -> None:
    weight, bias, blur = layer()
    generator = torch.Generator().manual_seed(height)
    images = torch.randn(2, 3, height, width, generator=generator, dtype=torch.float64, requires_grad=True)
    expected = blur_halved(F.conv2d(images, weight, bias, padding=PADDING), blur)
    merged = convolved_and_blur_halved(images, weight, bias, blur, padding=PADDING)
    torch.testing.assert_close(merged, expected)
    direction = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    gradients = [torch.autograd.grad((made * direction).sum(), images)[0] for made in (expected, merged)]
    torch.testing.assert_close(*gradients)
