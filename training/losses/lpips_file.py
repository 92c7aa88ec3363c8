"""LPIPS with a VGG16 trunk (Zhang et al. 2018), from a file that the user brings."""

import pickle
import re
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from onestep.errors import InputError, MissingInputError
from onestep.evaluation.networks.st_lpips import STLPIPS

_FIRST_LAYERS: Final = (0, 4, 9, 16, 23)
"""Where torchvision's numbering of VGG16's layers begins each level: with its pooling, but for the first."""


class LPIPS(STLPIPS):
    """LPIPS as published: ST-LPIPS on VGG16 with plain pooling in place of the blurred one."""

    def __init__(self) -> None:
        super().__init__("vgg")
        for level in list(self.levels)[1:]:
            assert isinstance(level, nn.Sequential)
            level[0], level[1] = nn.MaxPool2d(2), nn.Identity()


def load_lpips(file: Path) -> LPIPS:
    """Load the state of a whole `lpips.LPIPS(net="vgg")`, frozen and in eval mode.

    Such a file is made where the package lpips works: `torch.save(lpips.LPIPS(net="vgg").state_dict(), FILE)`.

    Raises:
        MissingInputError: There is no such file.
        InputError: It is no such state.
    """
    if not file.is_file():
        raise MissingInputError(f"There is no file {file} with LPIPS' weights. Check the path after lpips:.")
    network = LPIPS()
    try:
        state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict({name: tensor for key, tensor in state.items() if (name := _own_name(key))})
    except (OSError, RuntimeError, ValueError, LookupError, AttributeError, EOFError, pickle.UnpicklingError) as err:
        raise InputError(
            f'{file} is not the state of an lpips.LPIPS(net="vgg") ({str(err).splitlines()[0]}). Make it with: '
            'torch.save(lpips.LPIPS(net="vgg").state_dict(), FILE)'
        ) from err
    return network.eval().requires_grad_(False)


def _own_name(key: str) -> str | None:
    """Translate a name of the package; None for the second copy of the heads that it holds."""
    if match := re.fullmatch(r"scaling_layer\.(shift|scale)", key):
        return match[1]
    if match := re.fullmatch(r"lin(\d)\.model\.\d\.weight", key):
        return f"heads.{match[1]}.weight"
    if match := re.fullmatch(r"net\.slice(\d)\.(\d+)\.(weight|bias)", key):
        level = int(match[1]) - 1
        layer = int(match[2]) - _FIRST_LAYERS[level] + (level > 0)  # ours counts the pooling as two layers
        return f"levels.{level}.{layer}.{match[3]}"
    return None if key.startswith("lins.") else key
