"""How far a picture is from the one it should be: pixel distance plus perceptual distance."""

import torch.nn.functional as F
from torch import Tensor

from onestep.training.losses.perceptual import Perceptual


def l1_and_perceptual(
    output: Tensor, target: Tensor, *, perceptual: Perceptual, l1_weight: float, perceptual_weight: float
) -> dict[str, Tensor]:
    """Return the terms of the cycle and the identity objective (Parmar et al. 2024, equations 1 and 3).

    Args:
        output: `[B, 3, H, W]` in [-1, 1], RGB.
        target: The same shape and range.
        perceptual: Distance per picture.
        l1_weight: Weight of the mean absolute difference.
        perceptual_weight: Weight of the perceptual distance; with 0 it is not computed.

    Returns:
        float32 scalars `l1` and `perceptual`, weighted already: their sum is the loss.
    """
    pixels = F.l1_loss(output.float(), target.float())
    return {"l1": l1_weight * pixels, "perceptual": _weighted(perceptual, output, target, perceptual_weight)}


def l2_and_perceptual(
    output: Tensor, target: Tensor, *, perceptual: Perceptual, l2_weight: float, perceptual_weight: float
) -> dict[str, Tensor]:
    """Return the reconstruction terms of the paired objective, `l2` (mean squared difference) and `perceptual`.

    Arguments and result are as in `l1_and_perceptual`.
    """
    pixels = F.mse_loss(output.float(), target.float())
    return {"l2": l2_weight * pixels, "perceptual": _weighted(perceptual, output, target, perceptual_weight)}


def _weighted(perceptual: Perceptual, output: Tensor, target: Tensor, weight: float) -> Tensor:
    if weight == 0.0:
        return output.new_zeros((), dtype=output.dtype).float()
    return weight * perceptual(output.float(), target.float()).mean()
