"""The networks beside the generator, built from their settings: discriminators, perceptual distance, captions' CLIP."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from onestep.training.adaptation.adapted import AdaptedGenerator
from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.discriminators import build_discriminator, load_trunk
from onestep.training.losses.perceptual import perceptual_network
from onestep.training.objectives.objective import Translate
from onestep.training.trainer.exact_layers import exempt_from_autocast
from onestep.training.trainer.processes import Processes
from onestep.training.trainer.settings import LossSettings

_PATCH = "patch"
_SEED_OFFSET = 1000


@dataclass
class Networks:
    """All networks of a run; `outside` are frozen and in neither of the trained ones."""

    generator: AdaptedGenerator
    discriminators: nn.ModuleDict
    perceptual: nn.Module
    outside: list[nn.Module] = field(default_factory=list)

    def to(self, device: torch.device) -> None:
        """Move all of them."""
        for network in (self.generator, self.discriminators, self.perceptual, *self.outside):
            network.to(device)


def build_networks(generator: AdaptedGenerator, judges: Sequence[str], losses: LossSettings, *, seed: int) -> Networks:
    """Build discriminators, which share their trunk, and the perceptual distance.

    Args:
        generator: The adapted networks.
        judges: Names of the discriminators; without an adversarial weight none is built.
        losses: Trunk, distance, weights.
        seed: Seed of the discriminators' first weights; the global random state is left as it was.
    """
    discriminators, outside = nn.ModuleDict(), []
    if losses.gan_weight:
        trunk = _PATCH if losses.discriminator == _PATCH else load_trunk(losses.discriminator)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + _SEED_OFFSET)
            for judge in judges:
                discriminators[judge] = build_discriminator(trunk, augment=losses.augment)
        outside = [trunk] if isinstance(trunk, nn.Module) else []
    perceptual = perceptual_network(losses.perceptual).requires_grad_(False)
    return Networks(generator, discriminators, perceptual, [*outside, perceptual])


def translator(generator: AdaptedGenerator, processes: Processes) -> Translate:
    """Return the generator as objectives call it: in the chosen precision, its result in float32.

    For bfloat16 the UNet's first and last layers are changed, once, so that they compute in float32 all the same.
    """
    if processes.computes_in_bfloat16:
        unet = generator.generator(generator.directions[0]).unet
        for layer in (unet.conv_in, unet.conv_out):
            exempt_from_autocast(layer)

    def translate(direction: Direction, image: Tensor, text: Tensor) -> Tensor:
        with processes.autocast(image.device):
            translated: Tensor = generator(direction, image, text)
        return translated.float()

    return translate
