"""The plain patch discriminator: it judges overlapping squares of 70 pixels, and needs no trained trunk."""

from torch import Tensor, nn

from onestep.training.discriminators.diff_augment import augmented, random_numbers


class PatchDiscriminator(nn.Module):
    """PatchGAN of 70x70 (Isola et al. 2017, appendix 6.1.2): C64-C128-C256-C512, 4x4 convolutions.

    Instance instead of batch normalisation, as CycleGAN has it (Zhu et al. 2017), so that a picture's logits do not
    depend on the others in its batch.

    Args:
        augment: Whether pictures go through `diff_augment` first.
        width: Channels of the first layer.
        channels: Channels of a picture; 6 judge a picture beside what it was made from.
    """

    def __init__(self, *, augment: bool, width: int = 64, channels: int = 3) -> None:
        super().__init__()
        self.augment = augment
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            *_normalised(width, 2 * width, stride=2),
            *_normalised(2 * width, 4 * width, stride=2),
            *_normalised(4 * width, 8 * width, stride=1),
            nn.Conv2d(8 * width, 1, 4, stride=1, padding=1),
        )

    def forward(self, images: Tensor, numbers: Tensor | None = None) -> list[Tensor]:
        """Return one level of logits, `[[B, 1, H / 8 - 2, W / 8 - 2]]`; arguments as in the vision-aided one."""
        if self.augment:
            images = augmented(images, random_numbers(images.shape[0]) if numbers is None else numbers)
        return [self.layers(images)]


def _normalised(inside: int, outside: int, *, stride: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inside, outside, 4, stride=stride, padding=1, bias=False),
        nn.InstanceNorm2d(outside),
        nn.LeakyReLU(0.2),
    )
