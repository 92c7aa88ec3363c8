"""Distances of two pictures by trained networks: each picture is described once, then descriptions are compared."""

import importlib
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onestep.errors import UnknownNameError
from onestep.evaluation.networks.st_lpips import STLPIPS, Trunk, load_st_lpips
from onestep.evaluation.networks.vit_structure import ViTStructure, load_vit_structure

OPTIONAL: Final = ("lpips", "dists")
"""Distances of packages that are used where the user has installed them."""


class PairDistance(Protocol):
    """A distance of two pictures of the same size."""

    def describe(self, picture: NDArray[np.uint8]) -> Any:
        """Return what the network sees in a picture, uint8 [H, W, 3]."""

    def between(self, a: Any, b: Any) -> float:
        """Return the distance of two descriptions."""


class StLpipsDistance:
    """ST-LPIPS; the description is the directions of the features."""

    def __init__(self, trunk: Trunk = "alex") -> None:
        network = load_st_lpips(trunk)
        # This layout is a third faster on a CPU.
        self._network: STLPIPS = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def describe(self, picture: NDArray[np.uint8]) -> list[Tensor]:
        with torch.inference_mode():
            return self._network.directions(_tensor(picture).contiguous(memory_format=torch.channels_last))

    def between(self, a: list[Tensor], b: list[Tensor]) -> float:
        with torch.inference_mode():
            return float(self._network.distance(a, b))


class DinoStructureDistance:
    """DINO structure distance; the description is the self-similarity of the keys."""

    def __init__(self, folder: Path) -> None:
        self._network: ViTStructure = load_vit_structure(folder)
        self._lock = Lock()  # it reads the keys through a hook, which sees every call

    def describe(self, picture: NDArray[np.uint8]) -> Tensor:
        with self._lock, torch.inference_mode():
            similarity: Tensor = self._network(_tensor(picture))
            return similarity

    def between(self, a: Tensor, b: Tensor) -> float:
        return float((a - b).square().mean())


class PackageDistance:
    """LPIPS (Zhang et al., CVPR 2018) or DISTS (Ding et al., TPAMI 2020) of a package that the user has installed."""

    def __init__(self, name: str) -> None:
        """Load it, with the weights that the package finds for itself.

        Args:
            name: `lpips` (package lpips, AlexNet) or `dists` (package dists-pytorch).

        Raises:
            UnknownNameError: Another name.
            ImportError, OSError, RuntimeError: The package is not installed, cannot be imported, or has no weights.
        """
        if name == "lpips":
            self._network = importlib.import_module("lpips").LPIPS(net="alex", verbose=False).eval()
        elif name == "dists":
            self._network = importlib.import_module("DISTS_pytorch").DISTS().eval()
        else:
            raise UnknownNameError("distance", name, OPTIONAL)
        self._from_zero = name == "dists"

    def describe(self, picture: NDArray[np.uint8]) -> Tensor:
        tensor = _tensor(picture)
        return (tensor + 1) / 2 if self._from_zero else tensor

    def between(self, a: Tensor, b: Tensor) -> float:
        with torch.inference_mode():
            return float(self._network(a, b))


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    """Return a picture as [1, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
