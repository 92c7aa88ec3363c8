"""Networks that tell pictures of a domain from a generator's, and the augmentation in front of them."""

from onestep.training.discriminators.build import build_discriminator, load_trunk

__all__ = ["build_discriminator", "load_trunk"]
