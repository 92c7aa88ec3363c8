"""A convolution whose result is blurred and halved, computed as one convolution of stride 2 wherever that is the same.

Between a convolution and a blur without anything but sums, the two kernels are one: `[k, k]` and `[3, 3]` make
`[k + 2, k + 2]`. Only every second result is kept, so the large map between the two is never there, and ST-LPIPS's
first layer (11x11 on every pixel) needs a third of its operations. At the border, where the map is reflected, one row
or column on each side is computed step by step.
"""

from collections.abc import Callable
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

REFLECTED_PX: Final = 2
"""Rows and columns that the map is extended by before it is blurred."""

_Layer = Callable[[Tensor], Tensor]


def blur_halved(maps: Tensor, blur: Tensor) -> Tensor:
    """Reflect by two pixels, blur every channel by itself, keep every second pixel.

    Args:
        maps: `[B, C, H, W]`.
        blur: `[C, 1, 3, 3]`, the filter of each channel.

    Returns:
        `[B, C, (H + 1) // 2 + 1, (W + 1) // 2 + 1]`.
    """
    extended = F.pad(maps, (REFLECTED_PX,) * 4, mode="reflect")
    return F.conv2d(extended, blur, stride=2, groups=maps.shape[1])


def convolved_and_blur_halved(images: Tensor, weight: Tensor, bias: Tensor, blur: Tensor, *, padding: int) -> Tensor:
    """Return `blur_halved(conv2d(images, weight, bias, padding=padding), blur)`, but for rounding.

    Args:
        images: `[B, I, H, W]`, sides of at least the kernel's.
        weight: `[C, I, k, k]`.
        bias: `[C]`.
        blur: `[C, 1, 3, 3]`.
        padding: Zeros on each side of the images.
    """

    def step_by_step(part: Tensor) -> Tensor:
        return blur_halved(F.conv2d(part, weight, bias, padding=padding), blur)

    merged = F.conv_transpose2d(weight.transpose(0, 1), blur, groups=len(weight)).transpose(0, 1)
    inner = _convolved_by_two(images, merged, bias * blur.sum(dim=(1, 2, 3)), padding + REFLECTED_PX)
    seen_px = weight.shape[-1] + REFLECTED_PX - padding
    top, bottom = _border(images, step_by_step, seen_px, dim=2)
    left, right = (side[:, :, 1:-1] for side in _border(images, step_by_step, seen_px, dim=3))
    rows = torch.cat([left, inner[:, :, 1:-1, 1:-1], right], dim=3)
    return torch.cat([top, rows, bottom], dim=2)


def _convolved_by_two(images: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """Convolve with stride 2, as a convolution of stride 1 on pixels that were gathered two by two.

    The same sums. On processors its gradient takes a third of the time: 12 channels fill a vector better than 3.
    """
    height, width = images.shape[-2:]
    odd = weight.shape[-1] % 2
    padded = F.pad(images, (padding, padding + width % 2, padding, padding + height % 2))
    gathered = F.pixel_unshuffle(padded, 2).contiguous(memory_format=torch.channels_last)
    return F.conv2d(gathered, F.pixel_unshuffle(F.pad(weight, (0, odd, 0, odd)), 2), bias)


def _border(images: Tensor, layer: _Layer, seen_px: int, dim: int) -> tuple[Tensor, Tensor]:
    """Return the first and the last row (`dim` 2) or column (3) of a layer's result, from the pixels that they see."""
    side = images.shape[dim]
    begin = max(0, (side - seen_px) // 2 * 2)  # even: the same pixels are kept as in the whole
    first = layer(images.narrow(dim, 0, min(seen_px, side)))
    last = layer(images.narrow(dim, begin, side - begin))
    return first.narrow(dim, 0, 1), last.narrow(dim, last.shape[dim] - 1, 1)
