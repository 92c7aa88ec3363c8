"""Activation checkpointing (Chen et al. 2016): what a block keeps for the backward pass is computed again instead.

diffusers does it for its UNet. The VAE's halves are run block by block here (`vae_skips`), so its blocks are wrapped.
"""

from typing import cast

from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

_INNER = "recomputed"


class Recomputed(nn.Module):
    """A block that keeps only its input, and runs a second time in the backward pass."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.recomputed = block

    def forward(self, hidden: Tensor) -> Tensor:
        """Run the block on `[B, C, H, W]`."""
        return cast(Tensor, checkpoint(self.recomputed, hidden, use_reentrant=False))


def recompute_vae(vae: AutoencoderKL) -> None:
    """Wrap the blocks of both halves of a VAE, in place."""
    for half in (vae.encoder, vae.decoder):
        blocks = half.down_blocks if half is vae.encoder else half.up_blocks
        for index, block in enumerate(blocks):
            blocks[index] = Recomputed(block)
        half.mid_block = Recomputed(half.mid_block)


def without_wrapper(name: str) -> str:
    """Return the name that a tensor has in a network whose blocks are not wrapped."""
    return name.replace(f".{_INNER}.", ".")
