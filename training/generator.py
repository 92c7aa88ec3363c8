"""The generator: VAE encoder, UNet, one denoising step, VAE decoder with skips, as one pure module.

    image -> encoder -> latent * s -> UNet(t, prompt) -> one step to x0 -> / s -> decoder + skips -> clamp

Reference: Parmar et al. 2024 (arXiv 2403.12036), `src/cyclegan_turbo.py` and `src/pix2pix_turbo.py` of
GaParmar/img2img-turbo. Departures: the latent is the mean and not a sample; the scheduler's step is its closed form.
"""

from dataclasses import dataclass
from typing import cast

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from onestep.errors import GeneratorError
from onestep.training.vae_skips import SkipConvolutions, decode_with_skips, encode_with_taps


@dataclass(frozen=True)
class OneStep:
    """The single denoising step, in closed form and float32.

    From the last timestep straight to the image, a DDPM step is the estimate of x0 (Ho et al. 2020, equation 15), and
    its noise vanishes: x0 = (z - sqrt(1 - a) * eps) / sqrt(a), with a the cumulative product of the alphas at t. For
    SD-Turbo that is 14.65 z - 14.61 eps: the difference of two near-equal numbers, hence float32 at any precision.
    """

    timestep: int
    alpha_bar: float
    """Cumulative product of the alphas at `timestep`."""
    x0_limit: float | None = None
    """The scheduler clips x0 to this magnitude; None, as for SD-Turbo, where it does not."""

    @classmethod
    def from_scheduler(cls, scheduler: DDPMScheduler) -> "OneStep":
        """Read the step off a scheduler's configuration.

        Raises:
            GeneratorError: The base predicts something else than the noise, or its schedule ends in nothing but noise.
        """
        config = scheduler.config
        if config.prediction_type != "epsilon":
            raise GeneratorError(
                f"The base's scheduler has prediction_type {config.prediction_type!r}; the one-step generator needs "
                "'epsilon', as SD-Turbo has. Choose another base."
            )
        timestep = int(config.num_train_timesteps) - 1
        if not float(scheduler.alphas_cumprod[timestep]) > 0.0:
            raise GeneratorError(
                "The base's schedule ends in pure noise (rescale_betas_zero_snr), from which one step makes nothing. "
                "Choose another base."
            )
        return cls(
            timestep=timestep,
            alpha_bar=float(scheduler.alphas_cumprod[timestep]),
            x0_limit=float(config.clip_sample_range) if config.clip_sample else None,
        )

    def x0_from_noise(self, latent: Tensor, noise: Tensor) -> Tensor:
        """Return the estimate of the clean latent, in float32 or wider, of the shape of both arguments."""
        dtype = torch.promote_types(latent.dtype, torch.float32)
        signal_rate = self.alpha_bar**0.5
        noise_rate = (1.0 - self.alpha_bar) ** 0.5
        x0: Tensor = (latent.to(dtype) - noise_rate * noise.to(dtype)) / signal_rate
        return x0 if self.x0_limit is None else x0.clamp(-self.x0_limit, self.x0_limit)


def multiple_of_levels(vae_levels: int, unet_levels: int) -> int:
    """Return what a frame's sides must be multiples of, in pixels: every level but a network's first halves them."""
    return int(2 ** (vae_levels - 1) * 2 ** (unet_levels - 1))


class GeneratorNetwork(nn.Module):
    """The parts of a generator and the stages that every kind of generator goes through.

    Args:
        vae: Autoencoder with as many levels as `skips` has convolutions.
        unet: Noise predictor on the VAE's latents.
        skips: Convolutions from the encoder's activations to the decoder's up blocks.
        step: The denoising step.
        input_range: Range that the encoder was trained on: (-1, 1) for CycleGAN-Turbo, (0, 1) for pix2pix-turbo.
    """

    def __init__(
        self,
        *,
        vae: AutoencoderKL,
        unet: UNet2DConditionModel,
        skips: SkipConvolutions,
        step: OneStep,
        input_range: tuple[float, float] = (-1.0, 1.0),
    ) -> None:
        super().__init__()
        self.vae = vae
        self.unet = unet
        self.skips = skips
        self.step = step
        self.input_range = input_range

    @property
    def latent_scale(self) -> float:
        """Factor between the VAE's latent and the UNet's."""
        return float(self.vae.config.scaling_factor)

    @property
    def frame_multiple(self) -> int:
        """Width and height of an image must be multiples of this many pixels."""
        return multiple_of_levels(*(len(part.config.block_out_channels) for part in (self.vae, self.unet)))

    def encode(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Turn `[B, 3, H, W]` in [-1, 1] into the UNet's latent, in float32 or wider, and the encoder's activations."""
        mean, taps = encode_with_taps(self.vae, self._in_input_range(image))
        return mean.to(torch.promote_types(mean.dtype, torch.float32)) * self.latent_scale, taps

    def denoise(self, latent: Tensor, prompt_embedding: Tensor) -> Tensor:
        """Turn the UNet's noisy latent into the estimate of the clean one, of the same shape, in float32 or wider."""
        timestep = torch.tensor(self.step.timestep, device=latent.device)
        prompt = prompt_embedding.expand(latent.shape[0], -1, -1)
        noise = cast(Tensor, self.unet(latent.to(prompt.dtype), timestep, prompt, return_dict=False)[0])
        return self.step.x0_from_noise(latent, noise)

    def decode(self, latent: Tensor, taps: list[Tensor]) -> Tensor:
        """Turn a clean latent and the encoder's activations into `[B, 3, H, W]` in [-1, 1], of their dtype."""
        decoded = decode_with_skips(self.vae, (latent / self.latent_scale).to(taps[0].dtype), self.skips(taps))
        return decoded.clamp(-1.0, 1.0)

    def _in_input_range(self, image: Tensor) -> Tensor:
        low, high = self.input_range
        if (low, high) == (-1.0, 1.0):
            return image
        return (image + 1.0) * ((high - low) / 2.0) + low


class OneStepGenerator(GeneratorNetwork):
    """Translate images in one network evaluation. Deterministic; runs wherever its parameters are."""

    def forward(self, image: Tensor, prompt_embedding: Tensor) -> Tensor:
        """Translate a batch of images.

        Args:
            image: `[B, 3, H, W]` in [-1, 1], RGB, H and W multiples of `frame_multiple`.
            prompt_embedding: `[1 or B, T, D]`, the text encoder's last hidden state.

        Returns:
            `[B, 3, H, W]` in [-1, 1], RGB, of the decoder's dtype.
        """
        latent, taps = self.encode(image)
        return self.decode(self.denoise(latent, prompt_embedding), taps)
