"""Feature networks by name: pictures to vectors, for distances between sets of pictures.

Every network sees a picture squeezed to a square by an antialiased bilinear filter, whatever its aspect.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from onestep.errors import InputError, SettingError, UnknownNameError
from onestep.evaluation.networks.efficientnet_lite import load_efficientnet_lite0
from onestep.evaluation.networks.inception import load_inception
from onestep.evaluation.networks.names import FEATURE_NETS, INCEPTION
from onestep.evaluation.networks.st_lpips import STLPIPS, load_st_lpips


@dataclass(frozen=True)
class FeatureNet:
    """A network that turns pictures into feature vectors."""

    name: str
    licence: str
    """Of the weights."""
    module: nn.Module
    """[B, 3, size_px, size_px] in [-1, 1], RGB, to [B, D]."""
    size_px: int
    """Side of the square that pictures are resized to."""

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the feature vectors of pictures of one size, computed on the device of the module.

        Args:
            images: uint8 [N, H, W, 3], RGB.

        Returns:
            float32 [N, D].

        Raises:
            InputError: The array is not such a stack.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or images.size == 0:
            raise InputError(f"Pictures must be uint8 [N, H, W, 3] in RGB order, got {images.dtype} {images.shape}.")
        device = next((tensor.device for tensor in self.module.parameters()), torch.device("cpu"))
        with torch.inference_mode():
            x = torch.from_numpy(np.array(images)).to(device).permute(0, 3, 1, 2).float()
            side = (self.size_px, self.size_px)
            if x.shape[-2:] != side:
                x = F.interpolate(x, side, mode="bilinear", antialias=True, align_corners=False)
            features: NDArray[np.float32] = self.module(x / 127.5 - 1).float().cpu().numpy()
        return features


class _PooledTrunk(nn.Module):
    """The last level of an ST-LPIPS trunk, averaged over places.

    Every place is scaled to a mean square of 1 first, as ST-LPIPS itself compares directions only: the raw maps are as
    small as 0.01, where the cubic kernel of KID is flat.
    """

    def __init__(self, network: STLPIPS) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        last = self.network.trunk(images)[-1]
        return F.normalize(last, dim=1).mean(dim=(2, 3)) * math.sqrt(last.shape[1])


def feature_net(name: str, weights: Path | None = None) -> FeatureNet:
    """Load a feature network: frozen, in eval mode, on the CPU.

    Args:
        name: One of `names.FEATURE_NETS`.
        weights: File with the weights, for `inception` only, which no package ships.

    Raises:
        UnknownNameError: There is no network of that name.
        SettingError: `inception` without a file, or another network with one.
        MissingExtraError: The package with the weights is not installed.
    """
    if name not in FEATURE_NETS:
        raise UnknownNameError("feature network", name, FEATURE_NETS)
    if (weights is not None) != (name == INCEPTION):
        raise SettingError(
            "The feature network inception needs a file with its weights, and the others have theirs in a package; "
            f"got {name} with {weights or 'no file'}."
        )
    if weights is not None:
        return FeatureNet(name, "as the file that was given", load_inception(weights), 299)
    if name == "efficientnet-lite0":
        return FeatureNet(name, "Apache-2.0", load_efficientnet_lite0(), 224)
    return FeatureNet(name, "BSD-2-Clause", _PooledTrunk(load_st_lpips("vgg" if name == "vgg16-st" else "alex")), 224)
