"""What a student is judged by: the truth, its teacher, and its own result a moment earlier."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from onestep.errors import SettingError
from onestep.training.pixel_losses import gradient_l1, highlight_l1, pyramid_l1
from onestep.training.students.batch import Batch
from onestep.training.students.made import made_difference

Perceptual = Callable[[Tensor, Tensor], Tensor]
"""Two `[B, 3, H, W]` in [-1, 1], RGB, to one distance per picture, `[B]`."""

TRUSTED_CHANGE = 0.12
"""Where the target itself changes by more than this along the flow (of a range of 2), something came into view, or is a
reflection or a lamp: nothing is asked of the student there."""


@dataclass(frozen=True)
class LossWeights:
    """How much each part of the loss counts."""

    truth: float = 1.0
    """Distance to the known result, where there is one."""
    teacher: float = 1.0
    """Distance to the teacher's result, where it was asked."""
    lamps: float = 1.0
    """Share of what has to be made, such as lamps, within both, next to the distance of pixels."""
    perceptual: float = 1.0
    """Share of the perceptual distance within both, next to the distance of pixels."""
    temporal: float = 1.0
    """Change along the flow from one moment to the next."""
    adversarial: float = 0.0
    """How true the result looks to a critic that is trained beside the student; 0 trains none."""

    def __post_init__(self) -> None:
        values = (self.truth, self.teacher, self.lamps, self.perceptual, self.temporal, self.adversarial)
        if min(values) < 0.0 or self.truth + self.teacher == 0.0:
            raise SettingError(f"Loss weights are 0 or more, and truth or teacher is above 0; got {self}.")


def student_loss(result: Tensor, batch: Batch, *, weights: LossWeights, perceptual: Perceptual | None) -> Tensor:
    """Add up the parts of the loss.

    Args:
        result: The student's `[B, 3, h, w]` in [-1, 1].
        batch: What it was given, and what is known about it.
        weights: See there.
        perceptual: A perceptual distance, such as ST-LPIPS; None where `weights.perceptual` is 0. Of two moments of a
            scene it sees one, since it costs several times what the student costs and both look nearly alike.

    Returns:
        A float32 scalar.
    """
    result = result.float()
    total = result.new_zeros(())
    judged = len(result) if batch.flow is None else len(batch.flow)
    for target, weight in ((batch.truth, weights.truth), (batch.teacher, weights.teacher)):
        if target is not None and weight:
            total = total + weight * _distance(result, target, batch.image, weights)
            if perceptual is not None and weights.perceptual:
                seen = _perceptual_distance(result[:judged], target[:judged], perceptual)
                total = total + weight * weights.perceptual * seen
    if batch.flow is not None and weights.temporal:
        total = total + weights.temporal * temporal_l1(result, wanted(batch, weights), batch.flow)
    return total


def wanted(batch: Batch, weights: LossWeights) -> Tensor:
    """Return what the student should make: the truth, or where there is none, or it counts nothing, the teacher's."""
    known = batch.truth if batch.truth is not None and weights.truth else batch.teacher
    assert known is not None, "a batch without what its weights ask for"
    return known


def temporal_l1(result: Tensor, reference: Tensor, flow: Tensor) -> Tensor:
    """Mean absolute change of the result's error along the flow, where the reference itself changes little.

    The short-term loss of Lai et al. 2018 (`Learning Blind Video Temporal Consistency`, equation 3), with known flow,
    with the mask from the reference instead of an exponential of its difference, and of the error instead of the
    result: what the reference does from one moment to the next (a beam's edge, a mirrored sky) is no fault.

    Args:
        result: `[B, 3, h, w]`: the earlier moments, then as many later ones.
        reference: The same of the truth or the teacher.
        flow: `[B / 2, h, w, 2]`: see `Batch.flow`.

    Returns:
        A scalar; 0 where nothing can be trusted.
    """
    error = result - reference
    warped, inside = warp(error[: len(flow)], flow)
    reference_warped, _ = warp(reference[: len(flow)], flow)
    steady = (reference[len(flow) :] - reference_warped).abs().amax(dim=1, keepdim=True) < TRUSTED_CHANGE
    trusted = (steady & inside).float()
    change = (error[len(flow) :] - warped).abs()
    return (trusted * change).sum() / (3.0 * trusted.sum()).clamp(min=1.0)


def warp(image: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Bring an earlier picture to the later moment.

    Args:
        image: `[B, C, h, w]`, the earlier moment.
        flow: `[B, h, w, 2]`, pixels: where each pixel of the later moment was.

    Returns:
        The picture, `[B, C, h, w]`; whether each pixel was inside the earlier one, `[B, 1, h, w]` bool.
    """
    height, width = image.shape[-2:]
    columns = torch.arange(width, device=image.device) + flow[..., 0]
    rows = torch.arange(height, device=image.device)[:, None] + flow[..., 1]
    grid = torch.stack([(2.0 * columns + 1.0) / width - 1.0, (2.0 * rows + 1.0) / height - 1.0], dim=-1)
    inside = (grid.abs() <= 1.0).all(dim=-1)[:, None]
    warped = F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return warped, inside


def _distance(result: Tensor, target: Tensor, image: Tensor, weights: LossWeights) -> Tensor:
    pixels = pyramid_l1(result, target) + gradient_l1(result, target) + highlight_l1(result, target)
    return pixels + weights.lamps * made_difference(result, target, image) if weights.lamps else pixels


def _perceptual_distance(result: Tensor, target: Tensor, perceptual: Perceptual) -> Tensor:
    pictures = (picture.contiguous(memory_format=torch.channels_last) for picture in (result, target))
    return perceptual(*pictures).float().mean()
