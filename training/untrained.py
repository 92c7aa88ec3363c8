"""A base as a generator before any training: what it costs is known, what it shows is not a translation."""

from onestep.training.base import Base
from onestep.training.folder import GeneratorCard, PackedGenerator
from onestep.training.generator import OneStep, OneStepGenerator
from onestep.training.vae_skips import SkipConvolutions


def untrained_generator(base: Base, *, prompt: str) -> PackedGenerator:
    """Build the generator that training starts from, with new skip convolutions.

    Args:
        base: A base; its parts are used, not copied.
        prompt: Any text.

    Raises:
        GeneratorError: The base predicts something else than the noise.
    """
    skips = SkipConvolutions.for_vae(base.vae)
    generator = OneStepGenerator(vae=base.vae, unet=base.unet, skips=skips, step=OneStep.from_scheduler(base.scheduler))
    card = GeneratorCard(
        domain="untrained",
        direction="a2b",
        prompt=prompt,
        base=base.name,
        base_licence=base.licence,
        checkpoint_licence="none: no training",
        skip_channels=list(skips.config["in_channels"]),
        input_range=generator.input_range,
        preferred_size=base.preferred_size,
    )
    return PackedGenerator(generator.eval().requires_grad_(False), card, base)
