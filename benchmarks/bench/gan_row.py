"""The GAN row: CycleGAN's generator with nine residual blocks.

Reference: Zhu et al. 2017 (arXiv 1703.10593), appendix 7.2; for frames of 256 pixels and more: c7s1-64, d128, d256,
nine R256, u128, u64, c7s1-3, with instance normalisation and reflection padding. 11.4 million parameters.
"""

import numpy as np
import torch
from torch import Tensor, nn

from bench.flop_counts import counted_flops
from bench.row import OpenRow, RowSpec
from bench.stages import Stages
from bench.workload import Frame, Workload

NAME = "cyclegan"
_WIDTH, _BLOCKS = 64, 9
_PARAMETERS, _ACTIVATIONS = 11_378_179, 5


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions whose result is added to their input.

    Args:
        width: Number of channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width), nn.ReLU()),
            *(nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Apply the block to `[B, C, H, W]`."""
        result: Tensor = hidden + self.layers(hidden)
        return result


def resnet_generator() -> nn.Sequential:
    """Build the generator: `[B, 3, H, W]` in [-1, 1] to the same, H and W multiples of 4."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), *_normed(nn.Conv2d(3, _WIDTH, 7), _WIDTH)]
    for width in (2 * _WIDTH, 4 * _WIDTH):
        layers += _normed(nn.Conv2d(width // 2, width, 3, stride=2, padding=1), width)
    layers += [ResidualBlock(4 * _WIDTH) for _ in range(_BLOCKS)]
    for width in (2 * _WIDTH, _WIDTH):
        up = nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1)
        layers += _normed(up, width)
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(_WIDTH, 3, 7), nn.Tanh())


def gan_row() -> RowSpec:
    """Return the row."""
    return RowSpec(
        name=NAME,
        family=NAME,
        label="CycleGAN, ResNet with 9 blocks, PyTorch",
        steps=0,
        open=lambda workload, steps: _open(workload),
        own_bytes=_own_bytes,
        flops=_flops,
        weight_bytes=lambda workload: 0,
    )


def _normed(layer: nn.Module, width: int) -> list[nn.Module]:
    return [layer, nn.InstanceNorm2d(width), nn.ReLU()]


def _own_bytes(workload: Workload) -> int:
    """Estimate weights and working memory: five activations of the first layer, which is at full resolution.

    At 512x288 in float32 that is 234 MB; 217 MB were measured.
    """
    pixels = workload.settings.frame_size.pixels * workload.settings.batch
    return (_PARAMETERS + _ACTIVATIONS * _WIDTH * pixels) * workload.dtype.itemsize


def _flops(workload: Workload) -> int:
    size = workload.settings.frame_size
    return counted_flops(resnet_generator, lambda module: module(torch.empty(1, 3, size.height, size.width)))


def _open(workload: Workload) -> OpenRow:
    device, stages = workload.settings.device, Stages(workload.clock)
    network = resnet_generator().to(device, workload.dtype).eval().requires_grad_(False)
    stages.watch("network", network)

    @torch.inference_mode()
    def call() -> list[Frame]:
        frames = torch.from_numpy(np.stack(workload.frames)).to(device)
        image = (frames.permute(0, 3, 1, 2).float() / 127.5 - 1.0).to(workload.dtype)
        levels = (network(image).float() * 127.5 + 127.5).round().clamp(0, 255)
        return list(levels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())

    return OpenRow(call, stages, counts_unet=False)
