"""What a translation has to make, and cannot take from its input: lamps that are lit, windows, shadows that go.

Nearly all of a picture in rain, in fog or by night is a smooth map of the picture by day: darker, paler, bluer, by
amounts that change slowly from place to place. A lamp that is switched on is not. It is so few of the pixels that a
mean over all of them asks for everything else first.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_CELL = 8
"""Pixels along each side of a place of the fit; it is over windows of three by three."""
_SMALLEST_VARIANCE = 0.01
_TOLERANCE = 0.1
"""What is nearer to the fit than this, of a range of 2, is explained: noise, and edges that a lens has moved."""


def made_difference(result: Tensor, target: Tensor, image: Tensor) -> Tensor:
    """Mean absolute difference, weighted by how much no smooth map of the input makes of the target, or of the result.

    The weights' sum is divided by, so that a few lamps count as much as all of a picture; what the result makes counts
    as well, since it may not be there. Absolute and not squared: the square's optimum is a mean, which was seen as a
    glow around everything that might be a lamp.

    Args:
        result: `[B, 3, h, w]` in [-1, 1], RGB.
        target: The same.
        image: The same: the input of both.

    Returns:
        A scalar; 0 where all is explained.
    """
    place = torch.maximum(unexplained(image, result.detach()), unexplained(image, target))
    return (place * (result - target).abs()).sum() / (3.0 * place.sum()).clamp(min=1.0)


@torch.no_grad()
def unexplained(image: Tensor, picture: Tensor) -> Tensor:
    """Return how far a picture is from the best smooth affine map of another one's light.

    The map is that of the fast guided filter (He & Sun 2015, arXiv:1505.00996): a gain and a shift for each channel,
    fitted in windows of 24 pixels and read in between.

    Args:
        image: `[B, 3, h, w]` in [-1, 1], RGB.
        picture: The same, of the same places.

    Returns:
        `[B, 1, h, w]`, 0 and more: the difference of that channel in which it is largest, less a tolerance.
    """
    guide = image.mean(dim=1, keepdim=True)
    guide_mean, picture_mean = _window_mean(guide), _window_mean(picture)
    covariance = _window_mean(guide * picture) - guide_mean * picture_mean
    variance = _window_mean(guide * guide) - guide_mean * guide_mean
    gain = covariance / (variance + _SMALLEST_VARIANCE)
    shift = picture_mean - gain * guide_mean
    fit = F.interpolate(torch.cat([gain, shift], dim=1), size=image.shape[-2:], mode="bilinear", align_corners=False)
    explained = fit[:, :3] * guide + fit[:, 3:]
    return ((picture - explained).abs().amax(dim=1, keepdim=True) - _TOLERANCE).clamp(min=0.0)


def _window_mean(values: Tensor) -> Tensor:
    cells = F.avg_pool2d(values, _CELL, ceil_mode=True)
    return F.avg_pool2d(cells, 3, stride=1, padding=1, count_include_pad=False)
