"""Differentiable augmentation in front of a discriminator (Zhao et al. 2020): colour, translation, cutout.

Real and generated pictures go through the same kinds of change, and gradients pass through them, so that few pictures
are not soon known by heart. Every choice comes from numbers that are drawn first, seven per picture: a training on
several processes may draw for the whole batch and hand each process its rows.
"""

import torch
from torch import Tensor

NUMBERS_PER_PICTURE = 7
TRANSLATION_SHARE = 0.125
CUTOUT_SHARE = 0.5


def random_numbers(pictures: int) -> Tensor:
    """Draw what `augmented` needs from torch's global state: `[pictures, 7] float32` in [0, 1), on the CPU."""
    return torch.rand(pictures, NUMBERS_PER_PICTURE)


def augmented(images: Tensor, numbers: Tensor) -> Tensor:
    """Change each picture's colour, shift it, and grey out a square of it.

    Args:
        images: `[B, 3, H, W]` in [-1, 1].
        numbers: `[B, 7]` in [0, 1): brightness, saturation, contrast, shift down, shift right, row and column of the
            square.

    Returns:
        `[B, 3, H, W]`; brightness and contrast may lead out of [-1, 1]. What is shifted in, and the square, is 0.
    """
    chances = numbers.to(images)[:, :, None, None, None].unbind(1)  # each [B, 1, 1, 1]
    coloured = _coloured(images, brightness=chances[0], saturation=chances[1], contrast=chances[2])
    return _cut_out(_shifted(coloured, numbers[:, 3:5]), numbers[:, 5:7])


def _coloured(images: Tensor, *, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    images = images + (brightness - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = (images - grey) * (saturation * 2.0) + grey
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * (contrast + 0.5) + mean


def _shifted(images: Tensor, numbers: Tensor) -> Tensor:
    """Shift by up to an eighth of each side, as many pixels one way as the other."""
    kept = []
    for side, length in enumerate(images.shape[2:]):
        most = int(length * TRANSLATION_SHARE + 0.5)
        shift = (numbers[:, side] * (2 * most + 1)).floor().long() - most  # [B]
        source = torch.arange(length)[None] - shift.cpu()[:, None]  # [B, length]
        kept.append(((source >= 0) & (source < length), source.clamp(0, length - 1)))
    (rows_kept, rows), (columns_kept, columns) = ((a.to(images.device), b.to(images.device)) for a, b in kept)
    pictures = torch.arange(images.shape[0], device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[pictures, rows[:, :, None], columns[:, None, :]]  # [B, H, W, 3]
    return moved.permute(0, 3, 1, 2) * (rows_kept[:, None, :, None] & columns_kept[:, None, None, :])


def _cut_out(images: Tensor, numbers: Tensor) -> Tensor:
    """Set a rectangle of half of each side to 0; its centre lies anywhere, so a part may lie outside."""
    inside = []
    for side, length in enumerate(images.shape[2:]):
        cut = int(length * CUTOUT_SHARE + 0.5)
        centre = (numbers[:, side] * (length + 1 - cut % 2)).floor().long().cpu()[:, None]
        place = torch.arange(length)[None] - (centre - cut // 2)
        inside.append(((place >= 0) & (place < cut)).to(images.device))  # [B, length]
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images * ~hole
