"""ST-LPIPS, the shift-tolerant perceptual distance of Ghildyal and Liu, ECCV 2022 (arXiv 2207.13686).

The distance is LPIPS' (Zhang et al., CVPR 2018): features of every level are scaled to unit length per place, squared
differences are weighted by a trained 1x1 convolution, averaged over places and summed over levels. The trunks, AlexNet
and VGG16 trained by the authors, blur before they subsample and pad more by reflection, so that a shift of a few pixels
costs little. The numbers cannot be compared with LPIPS.

Weights: `stlpips_pytorch/weights/vST0.0`, BSD-2. Reference: `stlpips_pytorch.stlpips.LPIPS(variant="shift_tolerant")`.
"""

from typing import Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onestep.errors import SettingError
from onestep.evaluation.networks.blurred_convolution import blur_halved, convolved_and_blur_halved
from onestep.evaluation.networks.packaged_weights import packaged_state

Trunk = Literal["alex", "vgg"]

MIN_SIDE_PX: Final = 24
"""Shorter pictures have no pixel left at the last level."""

_FIRST_PADDING_PX: Final = 2
_CHANNELS: Final[dict[str, tuple[int, ...]]] = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}


class STLPIPS(nn.Module):
    """Trunk and heads of one ST-LPIPS. Make it with `load_st_lpips`."""

    shift: Tensor
    scale: Tensor

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.name = trunk
        self.levels = nn.ModuleList(_alex_levels() if trunk == "alex" else _vgg_levels())
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1, bias=False) for width in _CHANNELS[trunk])
        self.register_buffer("shift", torch.zeros(1, 3, 1, 1))
        self.register_buffer("scale", torch.ones(1, 3, 1, 1))

    @property
    def channels(self) -> tuple[int, ...]:
        """Width of each level."""
        return _CHANNELS[self.name]

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distance of each pair, differentiable with respect to both.

        Args:
            a: [B, 3, H, W] in [-1, 1], RGB, sides of at least `MIN_SIDE_PX`.
            b: The same shape.

        Returns:
            [B], 0 for equal pictures.
        """
        return self.distance(self.directions(a), self.directions(b))

    def directions(self, images: Tensor) -> list[Tensor]:
        """Return what `trunk` gives with the channels of every place scaled to length 1."""
        return [_unit_length(maps) for maps in self.trunk(images)]

    def distance(self, directions_a: list[Tensor], directions_b: list[Tensor]) -> Tensor:
        """Return the distance [B] between what `directions` gave for two batches."""
        distances = []
        for of_a, of_b, head in zip(directions_a, directions_b, self.heads, strict=True):
            # The head is linear, so the mean over places may come first.
            difference = (of_a - of_b).square().mean(dim=(2, 3), keepdim=True)
            distances.append(head(difference).flatten())
        return torch.stack(distances).sum(dim=0)

    def trunk(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps of every level, finest first.

        Args:
            images: [B, 3, H, W] in [-1, 1], RGB.

        Returns:
            Five maps [B, C, h, w], C as in `channels`, all at least 0.

        Raises:
            SettingError: A side is shorter than `MIN_SIDE_PX`.
        """
        height, width = images.shape[-2:]
        if min(height, width) < MIN_SIDE_PX:
            raise SettingError(
                f"ST-LPIPS needs pictures of at least {MIN_SIDE_PX}x{MIN_SIDE_PX} pixels, got {width}x{height}. "
                "Give larger pictures."
            )
        x = (images - self.shift) / self.scale
        maps = []
        for level in self.levels:
            x = level(x)
            maps.append(x)
        return maps


class _BlurHalve(nn.Module):
    """Reflect by two pixels, blur with the stored 3x3 binomial filter, keep every second pixel."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", torch.zeros(channels, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return blur_halved(x, self.filt)


class _FirstAlexLevel(nn.Sequential):
    """AlexNet's first convolution, blurred and halved in one, and a ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Conv2d(3, width, 11, padding=_FIRST_PADDING_PX), _BlurHalve(width), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        convolution, blur, _ = self
        assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None and isinstance(blur, _BlurHalve)
        return F.relu(
            convolved_and_blur_halved(x, convolution.weight, convolution.bias, blur.filt, padding=_FIRST_PADDING_PX)
        )


def load_st_lpips(trunk: Trunk = "alex") -> STLPIPS:
    """Load ST-LPIPS with its trained weights: frozen, in eval mode, on the CPU.

    Args:
        trunk: `alex` (2.5 M parameters) or `vgg` (14.7 M, for losses and features).

    Raises:
        MissingExtraError: The package with the weights is not installed.
    """
    state = packaged_state("stlpips_pytorch", f"weights/vST0.0/{trunk}_shift_tolerant.pth")
    network = STLPIPS(trunk)
    firsts = [0]
    for level in network.levels:
        assert isinstance(level, nn.Sequential)
        firsts.append(firsts[-1] + len(level))
    network.load_state_dict({_own_name(key, firsts): tensor for key, tensor in state.items()})
    return network.eval().requires_grad_(False)


def _own_name(key: str, firsts: list[int]) -> str:
    """Rename an entry: the package counts layers through all slices (`net.slice2.5.weight`), here each level from 0."""
    part, rest = key.split(".", 1)
    if part == "scaling_layer":
        return rest
    if part != "net":  # lin0.model.1.weight; the layer before the convolution was a dropout
        return f"heads.{part.removeprefix('lin')}.weight"
    level, layer, kind = rest.split(".")
    index = int(level.removeprefix("slice")) - 1
    return f"levels.{index}.{int(layer) - firsts[index]}.{kind}"


def _alex_levels() -> list[nn.Sequential]:
    c = _CHANNELS["alex"]
    return [
        _FirstAlexLevel(c[0]),
        nn.Sequential(nn.MaxPool2d(3, stride=1), _BlurHalve(c[0]), nn.Conv2d(c[0], c[1], 5, padding=2), nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(3, stride=1), _BlurHalve(c[1]), nn.Conv2d(c[1], c[2], 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(c[2], c[3], 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(c[3], c[4], 3, padding=1), nn.ReLU()),
    ]


def _vgg_levels() -> list[nn.Sequential]:
    levels, before = [], 3
    for index, (width, convolutions) in enumerate(zip(_CHANNELS["vgg"], (2, 2, 3, 3, 3), strict=True)):
        layers: list[nn.Module] = [nn.MaxPool2d(2, stride=1), _BlurHalve(before)] if index else []
        for _ in range(convolutions):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        levels.append(nn.Sequential(*layers))
    return levels


def _unit_length(x: Tensor) -> Tensor:
    """Scale the channels of every place to length 1. vector_norm has a gradient at 0 where sqrt has none."""
    length: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return x / (length + 1e-10)
