"""The VAE's two halves with the activations that go from one to the other.

CycleGAN-Turbo and pix2pix-turbo carry four encoder activations over to the decoder (Parmar et al. 2024, section 3.2,
`src/model.py` of the reference implementation). There they travel through attributes of the modules; here they are
return values and arguments, so that the whole is one pure function of its input and exports as one graph.
"""

from collections.abc import Sequence
from typing import cast

import torch
from diffusers import AutoencoderKL
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

SKIP_INIT = 1e-5
"""Every weight of a new skip convolution: almost nothing, yet it lets gradients through (reference: `src/model.py`)."""


def tap_channels(block_out_channels: Sequence[int]) -> list[int]:
    """Return the widths of the encoder activations that are kept, from full resolution downwards."""
    return [block_out_channels[max(level - 1, 0)] for level in range(len(block_out_channels))]


def up_block_channels(block_out_channels: Sequence[int]) -> list[int]:
    """Return the widths of the inputs of the decoder's up blocks, from the latent's resolution upwards."""
    downwards = list(reversed(block_out_channels))
    return [downwards[max(level - 1, 0)] for level in range(len(downwards))]


class SkipConvolutions(ModelMixin, ConfigMixin):
    """One 1x1 convolution without bias per up block of the decoder.

    Args:
        in_channels: Widths of the encoder activations, from full resolution downwards.
        out_channels: Widths of the inputs of the up blocks, from the latent's resolution upwards.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, in_channels: list[int], out_channels: list[int]) -> None:
        super().__init__()
        pairs = zip(reversed(in_channels), out_channels, strict=True)
        self.convs = nn.ModuleList(nn.Conv2d(c_in, c_out, 1, bias=False) for c_in, c_out in pairs)
        for conv in self.convs:
            nn.init.constant_(cast(nn.Conv2d, conv).weight, SKIP_INIT)

    @classmethod
    def for_vae(cls, vae: AutoencoderKL) -> "SkipConvolutions":
        """Build the convolutions that fit a VAE, with the widths from its configuration."""
        widths = vae.config.block_out_channels
        return cast(SkipConvolutions, cls(in_channels=tap_channels(widths), out_channels=up_block_channels(widths)))

    def forward(self, taps: Sequence[Tensor]) -> list[Tensor]:
        """Turn the encoder's activations into what the up blocks add to their inputs.

        Args:
            taps: One `[B, C_i, H / 2**i, W / 2**i]` per level, from full resolution downwards.

        Returns:
            One tensor per up block, from the latent's resolution upwards.
        """
        return [conv(tap) for conv, tap in zip(self.convs, reversed(taps), strict=True)]


def encode_with_taps(vae: AutoencoderKL, image: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Encode an image and keep the input of each down block.

    Args:
        vae: The autoencoder.
        image: `[B, 3, H, W]` in [-1, 1], H and W multiples of the VAE's reduction.

    Returns:
        The mean of the latent's distribution, unscaled, `[B, C, H / f, W / f]`; the kept activations, from full
        resolution downwards. The mean and not a sample, so that equal frames give equal results.
    """
    encoder = vae.encoder
    hidden = encoder.conv_in(image)
    taps = []
    for block in encoder.down_blocks:
        taps.append(hidden)
        hidden = block(hidden)
    hidden = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(encoder.mid_block(hidden))))
    moments = hidden if vae.quant_conv is None else vae.quant_conv(hidden)
    mean, _ = torch.chunk(moments, 2, dim=1)
    return mean, taps


def decode_with_skips(vae: AutoencoderKL, latent: Tensor, skips: Sequence[Tensor]) -> Tensor:
    """Decode a latent, adding one skip to the input of each up block.

    Args:
        vae: The autoencoder.
        latent: `[B, C, H / f, W / f]`, unscaled.
        skips: One per up block, from the latent's resolution upwards, each of the shape of that block's input.

    Returns:
        `[B, 3, H, W]`, about [-1, 1], not clamped.
    """
    decoder = vae.decoder
    hidden = latent if vae.post_quant_conv is None else vae.post_quant_conv(latent)
    hidden = decoder.mid_block(decoder.conv_in(hidden))
    for block, skip in zip(decoder.up_blocks, skips, strict=True):
        hidden = block(hidden + skip)
    return cast(Tensor, decoder.conv_out(decoder.conv_act(decoder.conv_norm_out(hidden))))
