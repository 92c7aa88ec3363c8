"""A binomial low pass, so that skipping pixels after it does not alias."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Blur(nn.Module):
    """Blur each channel with the 4x4 binomial filter at stride 1; with a strided convolution after it, a blur-pool.

    (Zhang 2019, 'Making convolutional networks shift-invariant again'.) Zeros pad the border, 1 before and 2 after, so
    that the size stays.
    """

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0
        self.register_buffer("kernel", torch.outer(taps, taps)[None, None], persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return `[B, C, H, W]` of the same shape."""
        channels = features.shape[1]
        kernel = cast(Tensor, self.kernel).to(features.dtype).expand(channels, 1, 4, 4)
        return F.conv2d(F.pad(features, (1, 2, 1, 2)), kernel, groups=channels)
