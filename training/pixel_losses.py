"""Losses between a result and a known truth that need no other network."""

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 4


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
