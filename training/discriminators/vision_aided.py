"""The vision-aided discriminator (Kumari et al. 2022): small trained heads on the features of a frozen trunk."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from onestep.training.discriminators.blur_pool import Blur
from onestep.training.discriminators.diff_augment import augmented, random_numbers
from onestep.training.discriminators.trunk import Trunk

HEAD_WIDTH = 256


class VisionAidedDiscriminator(nn.Module):
    """A head per feature map of the trunk, and one on its embedding.

    The trunk is neither in `state_dict()` nor in `parameters()`: only the heads are trained, saved and averaged over
    processes. It follows `.to(...)`, and gradients pass through it to the pictures.

    Args:
        trunk: A frozen trunk; several discriminators may share one.
        augment: Whether pictures go through `diff_augment` first.
    """

    def __init__(self, trunk: Trunk, *, augment: bool) -> None:
        super().__init__()
        self.augment = augment
        self._outside = (trunk.eval().requires_grad_(False),)  # a tuple, so that it is not registered
        self.heads = nn.ModuleList([*map(_map_head, trunk.map_channels), _embedding_head(trunk.embedding_width)])

    @property
    def trunk(self) -> Trunk:
        """The frozen trunk."""
        return self._outside[0]

    def forward(self, images: Tensor, numbers: Tensor | None = None) -> list[Tensor]:
        """Judge pictures.

        Args:
            images: `[B, 3, H, W]` in [-1, 1], RGB.
            numbers: `[B, 7]` in [0, 1), what the augmentation draws; None takes torch's global state on the CPU.

        Returns:
            Logits, one tensor per level: `[B, 1, h, w]` for each map, `[B, 1]` for the embedding.
        """
        if self.augment:
            images = augmented(images, random_numbers(images.shape[0]) if numbers is None else numbers)
        maps, embedding = self.trunk(images)
        return [head(features) for head, features in zip(self.heads, [*maps, embedding], strict=True)]

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "VisionAidedDiscriminator":
        """Move the trunk with the heads; torch calls this for `.to`, `.cuda`, `.float` and the like."""
        self.trunk._apply(fn)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def _map_head(channels: int) -> nn.Module:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, HEAD_WIDTH, 3, padding=1)),
        nn.LeakyReLU(0.2),
        Blur(),
        spectral_norm(nn.Conv2d(HEAD_WIDTH, 1, 1, stride=2)),
    )


def _embedding_head(width: int) -> nn.Module:
    return nn.Sequential(
        spectral_norm(nn.Linear(width, HEAD_WIDTH)), nn.LeakyReLU(0.2), spectral_norm(nn.Linear(HEAD_WIDTH, 1))
    )
