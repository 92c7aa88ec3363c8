"""The networks in training: one UNet for all directions, a VAE with skips for each, adapters in all of them.

Reference: `src/cyclegan_turbo.py` and `src/pix2pix_turbo.py` of GaParmar/img2img-turbo.
"""

import copy
from typing import cast

import torch
from torch import Tensor, nn

from onestep.training.adaptation import targets
from onestep.training.adaptation.lora import Adapter, add_adapters
from onestep.training.adaptation.recompute import recompute_vae
from onestep.training.base import Base
from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.checkpoints.published import FIXED_ALPHA
from onestep.training.generator import OneStep, OneStepGenerator
from onestep.training.vae_skips import SkipConvolutions

_INPUT_RANGES: dict[Direction, tuple[float, float]] = {"a2b": (-1.0, 1.0), "b2a": (-1.0, 1.0), "paired": (0.0, 1.0)}


class AdaptedGenerator(nn.Module):
    """A generator for each direction; they share the UNet, and the prompt and the VAE say which way to go.

    Args:
        base: The base; its UNet and VAE are adapted in place.
        unet_adapters: What is adapted in the UNet, of one rank and scale.
        directions: The ways to translate.
        vae_rank: Rank of the adapters of VAE and skips.
        seed: Seed of the adapters' first factors; those of the directions are equal at first, as in the reference.
    """

    def __init__(
        self,
        base: Base,
        *,
        unet_adapters: tuple[Adapter, ...],
        directions: tuple[Direction, ...],
        vae_rank: int,
        seed: int,
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            skips = SkipConvolutions.for_vae(base.vae)
        self.directions = directions
        self.unet_adapters = unet_adapters
        self.vae_adapter = _vae_adapter(targets.VAE_TARGETS, vae_rank)
        self.skip_adapter = _vae_adapter(targets.skip_targets(skips), vae_rank)
        add_adapters(base.unet, unet_adapters, seed=seed)
        add_adapters(base.vae, (self.vae_adapter,), seed=seed + 1)
        add_adapters(skips, (self.skip_adapter,), seed=seed + 2)
        skips.requires_grad_(True)
        base.unet.conv_in.requires_grad_(True)
        step = OneStep.from_scheduler(base.scheduler)
        self.generators = nn.ModuleDict()
        for direction in directions:
            own = self.generators  # the first direction takes the networks, the others copies of them
            self.generators[direction] = OneStepGenerator(
                vae=copy.deepcopy(base.vae) if own else base.vae,
                unet=base.unet,
                skips=copy.deepcopy(skips) if own else skips,
                step=step,
                input_range=_INPUT_RANGES[direction],
            )

    def generator(self, direction: Direction) -> OneStepGenerator:
        """Return the generator of a direction; its UNet is all directions'."""
        return cast(OneStepGenerator, self.generators[direction])

    def forward(self, direction: Direction, image: Tensor, prompt_embedding: Tensor) -> Tensor:
        """Translate `[B, 3, H, W]` in [-1, 1] with `[1 or B, T, D]`; see `OneStepGenerator`."""
        return cast(Tensor, self.generators[direction](image, prompt_embedding))

    def checkpoint_activations(self) -> None:
        """Compute the activations of UNet and VAEs again in the backward pass, instead of keeping them."""
        for direction in self.directions:
            recompute_vae(self.generator(direction).vae)
        self.generator(self.directions[0]).unet.enable_gradient_checkpointing()


def adapt_unpaired(base: Base, *, unet_rank: int, vae_rank: int, seed: int) -> AdaptedGenerator:
    """Adapt a base as CycleGAN-Turbo does: three adapters in the UNet, alpha equal to the rank, both directions."""
    adapters = tuple(
        Adapter(name, names, rank=unet_rank, alpha=float(unet_rank))
        for name, names in targets.unpaired_unet_targets(base.unet).items()
    )
    return AdaptedGenerator(base, unet_adapters=adapters, directions=("a2b", "b2a"), vae_rank=vae_rank, seed=seed)


def adapt_paired(base: Base, *, unet_rank: int, vae_rank: int, seed: int) -> AdaptedGenerator:
    """Adapt a base as pix2pix-turbo does: one adapter in the UNet, alpha 8, and an input from 0 to 1."""
    adapter = Adapter(targets.PAIRED_ADAPTER, targets.PAIRED_UNET_TARGETS, rank=unet_rank, alpha=FIXED_ALPHA)
    return AdaptedGenerator(base, unet_adapters=(adapter,), directions=("paired",), vae_rank=vae_rank, seed=seed)


def _vae_adapter(names: tuple[str, ...], rank: int) -> Adapter:
    return Adapter(targets.VAE_ADAPTER, names, rank=rank, alpha=FIXED_ALPHA)
