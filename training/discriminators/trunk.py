"""What a discriminator asks of a frozen trunk, and the convolutional trunks whose weights ordinary packages ship."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

LARGEST_SHORT_SIDE_PX = 256


class Trunk(nn.Module):
    """A frozen network that gives feature maps and an embedding.

    `forward(images)` takes `[B, 3, H, W]` in [-1, 1], RGB, of any size, scales and normalises them itself, and returns
    the maps, `[B, map_channels[i], h, w]` each, and the embedding `[B, embedding_width]`.

    Args:
        map_channels: Channels of each map.
        embedding_width: Width of the embedding.
    """

    def __init__(self, map_channels: tuple[int, ...], embedding_width: int) -> None:
        super().__init__()
        self.map_channels = map_channels
        self.embedding_width = embedding_width

    def forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return maps and embedding."""
        raise NotImplementedError


class ConvolutionalTrunk(Trunk):
    """The deepest maps of a convolutional network; the embedding is the mean of the deepest over its places.

    Pictures whose short side is above 256 px are averaged down to it; smaller ones are looked at as they are. The maps
    and the embedding are scaled to a root mean square of 1 per picture: the networks' own levels differ a thousandfold,
    and a head of spectral norm 1 cannot make up for that.

    Args:
        network: The network, for its parameters to follow the trunk.
        levels: Gives the network's maps, shallow to deep.
        map_channels: Channels of the deepest maps that are used, shallow to deep.
    """

    def __init__(
        self, network: nn.Module, levels: Callable[[Tensor], list[Tensor]], map_channels: tuple[int, ...]
    ) -> None:
        super().__init__(map_channels, map_channels[-1])
        self.network = network
        self._levels = levels

    def forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return maps and embedding, as `Trunk` says."""
        maps = self._levels(_scaled_down(images))[-len(self.map_channels) :]
        return [_unit_power(features) for features in maps], _unit_power(maps[-1].mean(dim=(2, 3)))


def _unit_power(features: Tensor) -> Tensor:
    return features / (features.flatten(1).square().mean(1) + 1e-12).sqrt().view(-1, *[1] * (features.dim() - 1))


def _scaled_down(images: Tensor) -> Tensor:
    height, width = images.shape[2:]
    factor = LARGEST_SHORT_SIDE_PX / min(height, width)
    if factor >= 1.0:
        return images
    return F.interpolate(images, (round(height * factor), round(width * factor)), mode="area")
