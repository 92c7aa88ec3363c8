"""Perceptual distances between pictures, chosen by name. Nothing is downloaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from torch import Tensor, nn

from onestep.errors import UnknownNameError

Perceptual = Callable[[Tensor, Tensor], Tensor]
"""Two `[B, 3, H, W]` in [-1, 1], RGB, to one distance per picture, `[B]`."""

PERCEPTUAL_NAMES: Final = ("st-lpips-alex", "st-lpips-vgg", "none", "lpips:FILE")


class NoPerceptual(nn.Module):
    """The distance that is always 0: training on pixels alone."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return zeros `[B]`."""
        return a.new_zeros(a.shape[0])


def perceptual_network(name: str) -> nn.Module:
    """Load a perceptual distance: a frozen module that is called as `Perceptual` says.

    Args:
        name: `st-lpips-alex` or `st-lpips-vgg` (Ghildyal & Liu 2022, weights in the package stlpips-pytorch), `none`,
            or `lpips:FILE`, where FILE holds the state of a whole `lpips.LPIPS(net="vgg")` (Zhang et al. 2018).

    Raises:
        UnknownNameError: There is no such distance.
        MissingExtraError: The package with the weights is not installed.
        InputError: FILE is not such a state.
    """
    if name == "none":
        return NoPerceptual()
    if name in ("st-lpips-alex", "st-lpips-vgg"):
        from onestep.evaluation.networks.st_lpips import load_st_lpips

        return load_st_lpips("alex" if name.endswith("alex") else "vgg")
    kind, _, file = name.partition(":")
    if kind == "lpips" and file:
        from onestep.training.losses.lpips_file import load_lpips

        return load_lpips(Path(file))
    raise UnknownNameError("perceptual distance", name, PERCEPTUAL_NAMES)
