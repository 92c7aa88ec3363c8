"""The Inception network of FID, from the file that the user has: no package ships it.

The file is `inception-2015-12-05.pt`, the TorchScript translation of Heusel et al.'s network that StyleGAN2-ADA,
StyleGAN3 and clean-fid use. TorchScript is a restricted language without access to files.
"""

import warnings
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from onestep.errors import InputError, MissingInputError

FEATURES: Final = 2048
"""Length of the vectors that FID is defined on."""


class InceptionFeatures(nn.Module):
    """Calls the script as its authors do: bytes in, 2048 pooled features out."""

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.script = script

    def forward(self, images: Tensor) -> Tensor:
        """Return features [B, 2048] of pictures [B, 3, H, W] in [-1, 1]."""
        features: Tensor = self.script((images + 1) * 127.5, return_features=True)
        return features


def load_inception(path: Path) -> InceptionFeatures:
    """Load the network onto the CPU.

    Raises:
        MissingInputError: There is no such file.
        InputError: It is not a TorchScript module that returns FID's features: no figure on others may be called so.
    """
    if not path.is_file():
        raise MissingInputError(f"There is no file {path} with the Inception network. Check the path.")
    try:
        network = InceptionFeatures(_script(path))
        with torch.inference_mode():
            shape = list(network(torch.zeros(1, 3, 299, 299)).shape)
    except (RuntimeError, ValueError, TypeError) as err:
        raise InputError(
            f"{path} is not the Inception network of FID ({str(err).splitlines()[0]}). Give inception-2015-12-05.pt, a "
            "TorchScript file that takes return_features."
        ) from err
    if shape != [1, FEATURES]:
        raise InputError(
            f"{path} is not the Inception network of FID: it returned features of shape {shape}, expected "
            f"[1, {FEATURES}]. Give inception-2015-12-05.pt."
        )
    return network


def _script(path: Path) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the file exists in no newer format
        return torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-any-return, no-untyped-call]
