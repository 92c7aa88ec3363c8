"""The student: a small convolutional network that predicts how a frame changes, made for processors.

    image -> stem (stride 2) -> 5 levels down, residual blocks, skips, up -> gain and shift of every pixel
    result = gain * image + shift

It predicts a change, not a picture: what the change leaves alone, every edge and every number plate, comes from the
input. Gain and shift of a pixel are an affine map of its light, as in HDRnet's bilateral grid (Gharbi et al. 2017) and
bilateral guided upsampling (Chen et al. 2016), here at full resolution through a pixel shuffle (Shi et al. 2016) that
starts without a checkerboard (Aitken et al. 2017). The levels are a U-Net's (Ronneberger et al. 2015); the blocks are
ResNet's (He et al. 2016) without normalisation, since ONNX Runtime fuses convolution, sum and ReLU into one operator.
Where a pixel is in the frame can be an input too, as in CoordConv (Liu et al. 2018): own headlamps shine at one place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from onestep.errors import SettingError

COLOURS, _COORDINATES = 3, 2
SHUFFLE = 2
"""Pixels along each side that one place of the head makes."""
GAIN_LIMIT = 4.0
_SMALL = 0.1
_SMOOTH_UPS = 2
"""Of the ways up, from the deepest on: there a place is 32 and 16 pixels wide."""


@dataclass(frozen=True)
class StudentShape:
    """How large a student is. The default is about 3 GFLOP for a 512x288 frame, and its levels see all of it."""

    widths: tuple[int, ...] = (16, 32, 64, 96, 128)
    """Channels of each level, from half resolution downwards; multiples of 16 fill a processor's vectors."""
    down_blocks: tuple[int, ...] = (0, 1, 1, 2, 3)
    """Residual blocks of each level on the way down."""
    up_blocks: tuple[int, ...] = (1, 1, 1, 1)
    """Residual blocks of each level but the last on the way up."""
    sees_place: bool = False
    """Whether it is told where in the frame each pixel is, for cameras that are mounted alike."""
    smooth: bool = True
    """Whether the deepest levels are interpolated on their way up; repeated pixels show as bands in an even sky."""

    def __post_init__(self) -> None:
        levels = len(self.widths)
        if levels < 2 or len(self.down_blocks) != levels or len(self.up_blocks) != levels - 1:
            raise SettingError(
                f"A student of {levels} widths has {len(self.down_blocks)} numbers of blocks on the way down and "
                f"{len(self.up_blocks)} on the way up; expected 2 or more widths, as many numbers down, one fewer up."
            )
        if min(self.widths) < 1 or min(*self.down_blocks, *self.up_blocks) < 0:
            raise SettingError(f"A student has widths of 1 or more and no negative number of blocks, got {self}.")


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():  # without normalisation a block begins near the identity (Zhang et al. 2019)
            self.second.weight.mul_(_SMALL)

    def forward(self, hidden: Tensor) -> Tensor:
        return F.relu(hidden + self.second(F.relu(self.first(hidden))))


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_ResidualBlock(width) for _ in range(count)))


class _Up(nn.Module):
    """Twice the resolution: narrow first, interpolate or repeat pixels, add the skip, then let the blocks smooth."""

    def __init__(self, below: int, width: int, count: int, *, smooth: bool) -> None:
        super().__init__()
        self.mode = "bilinear" if smooth else "nearest"
        self.narrow = nn.Conv2d(below, width, 1)
        self.skip = nn.Conv2d(width, width, 1)
        self.blocks = _blocks(width, count)

    def forward(self, hidden: Tensor, skip: Tensor) -> Tensor:
        wide = F.interpolate(self.narrow(hidden), scale_factor=2.0, mode=self.mode)
        return cast(Tensor, self.blocks(F.relu(wide + self.skip(skip))))


class StudentNetwork(ModelMixin, ConfigMixin):
    """Predict gain and shift of every pixel of an image, and apply them.

    Args:
        widths: See `StudentShape`.
        down_blocks: See `StudentShape`.
        up_blocks: See `StudentShape`.
        sees_place: See `StudentShape`.
        smooth: See `StudentShape`. Students that were saved before there was a choice repeat pixels.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        widths: Sequence[int],
        down_blocks: Sequence[int],
        up_blocks: Sequence[int],
        sees_place: bool = False,
        smooth: bool = False,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(COLOURS + _COORDINATES * sees_place, widths[0], 5, stride=2, padding=2)
        below = list(pairwise(widths))
        self.shrink = nn.ModuleList(nn.Conv2d(here, deep, 3, stride=2, padding=1) for here, deep in below)
        self.down = nn.ModuleList(_blocks(*level) for level in zip(widths, down_blocks, strict=True))
        from_level = len(below) - _SMOOTH_UPS if smooth else len(below)
        self.up = nn.ModuleList(
            _Up(deep, here, count, smooth=level >= from_level)
            for level, ((here, deep), count) in enumerate(zip(below, up_blocks, strict=True))
        )
        self.head = nn.Conv2d(widths[0], (1 + COLOURS) * SHUFFLE**2, 3, padding=1)
        _begin_as_identity(self.head)

    @classmethod
    def of_shape(cls, shape: StudentShape) -> "StudentNetwork":
        """Build a student with fresh weights, which returns its input; torch's random state decides them."""
        counts = list(shape.widths), list(shape.down_blocks), list(shape.up_blocks)
        return cast(StudentNetwork, cls(*counts, sees_place=shape.sees_place, smooth=shape.smooth))

    @property
    def shape(self) -> StudentShape:
        """How large it is."""
        counts = {name: tuple(self.config[name]) for name in ("widths", "down_blocks", "up_blocks")}
        return StudentShape(**counts, sees_place=self.config["sees_place"], smooth=self.config["smooth"])

    @property
    def frame_multiple(self) -> int:
        """Width and height of an image must be multiples of this many pixels."""
        return int(2 ** len(self.config.widths))

    def forward(self, image: Tensor, corners: Tensor | None = None) -> Tensor:
        """Translate a batch of images.

        Args:
            image: `[B, 3, H, W]` in [-1, 1], RGB, H and W multiples of `frame_multiple`.
            corners: `[B, 4]`, left, top, right and bottom edge of each image in the frame that it was cut from, where
                the whole frame is from -1 to 1; None for whole frames. Read where `sees_place`.

        Returns:
            `[B, 3, H, W]` in [-1, 1], RGB.
        """
        seen = torch.cat([image, coordinates(image, corners)], dim=1) if self.config.sees_place else image
        change = F.pixel_shuffle(self.head(self.features(self.stem(seen))), SHUFFLE)  # [B, 4, H, W]
        gain, shift = change[:, :1], change[:, 1:]
        result = (image + 1.0) * gain.clamp(0.0, GAIN_LIMIT) + shift - 1.0
        return _clamped_with_gradient(result) if self.training else result.clamp(-1.0, 1.0)

    def features(self, stem: Tensor) -> Tensor:
        """Take what the stem returned through all levels, down and up again: `[B, widths[0], H / 2, W / 2]` both."""
        hidden = F.relu(stem)
        skips: list[Tensor] = []
        for level, blocks in enumerate(self.down):
            if level:
                skips.append(hidden)
                hidden = F.relu(self.shrink[level - 1](hidden))
            hidden = blocks(hidden)
        for up, skip in zip(reversed(self.up), reversed(skips), strict=True):
            hidden = up(hidden, skip)
        return hidden


def _clamped_with_gradient(result: Tensor) -> Tensor:
    """Clamp to [-1, 1], with a gradient beyond (Bengio et al. 2013): black where a lamp should be can be unlearnt."""
    return result + (result.clamp(-1.0, 1.0) - result).detach()


def coordinates(image: Tensor, corners: Tensor | None = None) -> Tensor:
    """Return how far right and how far down in the frame the middle of each pixel is.

    Args:
        image: `[B, C, H, W]`.
        corners: See `StudentNetwork.forward`.

    Returns:
        `[B, 2, H, W]`, from -1 to 1 in a whole frame.
    """
    edges = torch.tensor([[-1.0, -1.0, 1.0, 1.0]]) if corners is None else corners
    left, top, right, bottom = edges.to(image)[:, :, None, None, None].unbind(dim=1)
    height, width = image.shape[-2:]
    across = (torch.arange(width, device=image.device, dtype=image.dtype) + 0.5) / width
    down = (torch.arange(height, device=image.device, dtype=image.dtype)[:, None] + 0.5) / height
    size = (image.shape[0], 1, height, width)
    return torch.cat([(left + (right - left) * across).expand(size), (top + (bottom - top) * down).expand(size)], dim=1)


@torch.no_grad()
def _begin_as_identity(head: nn.Conv2d) -> None:
    """Start with gain 1, shift 0, and the same weights for the pixels that are shuffled out of one."""
    assert head.bias is not None
    head.weight.mul_(_SMALL)
    head.weight.copy_(head.weight[:: SHUFFLE**2].repeat_interleave(SHUFFLE**2, dim=0))
    head.bias.zero_()
    head.bias[: SHUFFLE**2] = 1.0
