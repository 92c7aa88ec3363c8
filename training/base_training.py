"""Trains a small base from nothing: first the autoencoder, then the noise predictor on its latents."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onestep.frame_size import FrameSize
from onestep.training.augment import random_crops
from onestep.training.base import Base
from onestep.training.fit import FitOptions, fit
from onestep.training.pixel_losses import gradient_l1, pyramid_l1
from onestep.training.rendered import RenderedFrames

CAPTIONS = {"day": "driving in the day", "night": "driving in the night"}
"""By condition of the frames."""
KL_WEIGHT = 1e-5

Log = Callable[[str], None]


class _Pictures:
    """Batches of cropped frames with the caption of each."""

    def __init__(self, frames: RenderedFrames, size: FrameSize, seed: int) -> None:
        self._frames, self._size = frames, size
        self._rng = np.random.default_rng(seed)
        self._conditions = list(frames.frames)

    def batch(self, count: int) -> tuple[Tensor, list[str]]:
        conditions = [self._conditions[self._rng.integers(len(self._conditions))] for _ in range(count)]
        images = [
            random_crops(
                [self._frames.frames[name][self._rng.integers(len(self._frames))]], size=self._size, rng=self._rng
            )
            for name in conditions
        ]
        return torch.stack([image for (image,) in images]), [CAPTIONS[name] for name in conditions]


def train_autoencoder(
    base: Base, frames: RenderedFrames, *, size: FrameSize, batch: int, options: FitOptions, log: Log
) -> None:
    """Train the base's VAE in place and set its scaling factor to one over the latents' deviation.

    The loss is a pyramid L1 with gradients and a small Kullback-Leibler term (Rombach et al. 2022, appendix G).
    """
    pictures = _Pictures(frames, size, seed=11)

    def loss(step: int) -> Tensor:
        image, _ = pictures.batch(batch)
        posterior = base.vae.encode(image).latent_dist
        result = base.vae.decode(posterior.sample()).sample
        divergence: Tensor = posterior.kl().mean()
        return pyramid_l1(result, image) + gradient_l1(result, image) + KL_WEIGHT * divergence

    _adopt(base.vae, fit(base.vae.train(), loss, options=options, log=log))
    with torch.no_grad():
        image, _ = pictures.batch(16)
        deviation = float(base.vae.encode(image).latent_dist.mean.std())
    base.vae.register_to_config(scaling_factor=1.0 / deviation)
    log(f"scaling factor {1.0 / deviation:.4f}")


def train_noise_predictor(
    base: Base, frames: RenderedFrames, *, size: FrameSize, batch: int, options: FitOptions, log: Log
) -> None:
    """Train the base's UNet and text encoder in place to predict noise (Ho et al. 2020, equation 14)."""
    pictures = _Pictures(frames, size, seed=12)
    generator = torch.Generator().manual_seed(13)
    parts = nn.ModuleDict({"unet": base.unet, "text_encoder": base.text_encoder})

    def loss(step: int) -> Tensor:
        image, captions = pictures.batch(batch)
        with torch.no_grad():
            latent = base.vae.encode(image).latent_dist.mean * base.vae.config.scaling_factor
        noise = torch.randn(latent.shape, generator=generator)
        timesteps = torch.randint(0, base.scheduler.config.num_train_timesteps, (batch,), generator=generator)
        noisy = base.scheduler.add_noise(latent, noise, timesteps)
        predicted = base.unet(noisy, timesteps, prompt_states(base, captions), return_dict=False)[0]
        return F.mse_loss(predicted, noise)

    _adopt(parts, fit(parts.train(), loss, options=options, log=log))


def prompt_states(base: Base, captions: Sequence[str]) -> Tensor:
    """Encode captions with gradients, `[B, T, D] float32`."""
    tokens = base.tokenizer(
        list(captions),
        padding="max_length",
        truncation=True,
        max_length=base.tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids
    states: Tensor = base.text_encoder(tokens)[0]
    return states


def _adopt(module: nn.Module, average: nn.Module) -> None:
    module.load_state_dict(average.state_dict())
    module.eval()
