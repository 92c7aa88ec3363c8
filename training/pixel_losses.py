"""Losses between a result and a known truth that need no other network."""

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 4
HIGHLIGHT_WEIGHT = 8.0


def pyramid_l1(result: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference, averaged over the picture and its halvings.

    Coarse levels make the light of an area right where its detail cannot be known.

    Args:
        result: `[B, 3, H, W]`.
        truth: The same shape; H and W multiples of 8.

    Returns:
        A scalar.
    """
    losses = [F.l1_loss(result, truth)]
    for _ in range(LEVELS - 1):
        result, truth = F.avg_pool2d(result, 2), F.avg_pool2d(truth, 2)
        losses.append(F.l1_loss(result, truth))
    return torch.stack(losses).mean()


def gradient_l1(result: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of the horizontal and vertical first differences: edges where the truth has them."""
    rows = F.l1_loss(result.diff(dim=-2), truth.diff(dim=-2))
    columns = F.l1_loss(result.diff(dim=-1), truth.diff(dim=-1))
    return rows + columns


def highlight_l1(result: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of colour, in which places that are bright in either picture count up to nine times.

    Lamps, lit windows and painted lines cover little of a night, so a plain mean gives them up first. In either one:
    weighted by the truth alone, a light that cannot be foreseen is best guessed too bright, which made roads glow.

    Args:
        result: `[B, 3, H, W]` in [-1, 1].
        truth: The same.

    Returns:
        A scalar.
    """
    brightest = torch.maximum(result.detach(), truth).amax(dim=1, keepdim=True)
    brightness = ((brightest + 1.0) / 2.0).clamp(0.0, 1.0)
    return ((1.0 + HIGHLIGHT_WEIGHT * brightness) * (result - truth).abs()).mean()
