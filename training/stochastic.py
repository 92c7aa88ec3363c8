"""The stochastic generator: how far it goes from its input, and where, is chosen for each picture.

    image -> encoder -> r * latent + (1 - r) * noise -> UNet(t, prompt) -> x0 -> decoder + skips of r * activations

Everything that was learned counts in the measure of the strength r: at 0 it is the base model making a picture of its
own from the noise, at 1 the paired generator. Reference: Parmar et al. 2024, section 3.4, and the sketch model of
`src/pix2pix_turbo.py` in GaParmar/img2img-turbo.
"""

from torch import Tensor

from onestep.training.generator import GeneratorNetwork
from onestep.training.strength_layers import applied_strength


class StochasticGenerator(GeneratorNetwork):
    """Translate images with a strength and a noise that are inputs. Its adapted layers are `StrengthScaled`."""

    def forward(self, image: Tensor, prompt_embedding: Tensor, noise: Tensor, strength: Tensor) -> Tensor:
        """Translate a batch of images.

        Args:
            image: `[B, 3, H, W]` in [-1, 1], RGB, H and W multiples of `frame_multiple`.
            prompt_embedding: `[1 or B, T, D]`, the text encoder's last hidden state.
            noise: `[B, C, H / f, W / f] float32`, normal with variance 1, f the VAE's reduction (8 for SD-Turbo).
            strength: `[1] float32` from 0 to 1; the published sketch model is used at 0.4.

        Returns:
            `[B, 3, H, W]` in [-1, 1], RGB, of the decoder's dtype.
        """
        with applied_strength(self, strength):
            latent, taps = self.encode(image)
            mixed = strength * latent + (1.0 - strength) * noise
            x0 = self.denoise(mixed, prompt_embedding)
            scaled = [strength.to(tap.dtype) * tap for tap in taps]
            return self.decode(x0, scaled)
