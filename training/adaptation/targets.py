"""The layers that are adapted, by the names of diffusers' modules.

Facts from `src/cyclegan_turbo.py` and `src/pix2pix_turbo.py` of GaParmar/img2img-turbo.
"""

from torch import nn

PAIRED_ADAPTER = "default"
VAE_ADAPTER = "vae_skip"

_ATTENTION = ("to_k", "to_q", "to_v", "to_out.0")
PAIRED_UNET_TARGETS = (
    *_ATTENTION,
    *("conv", "conv1", "conv2", "conv_shortcut", "conv_out"),
    *("proj_in", "proj_out", "ff.net.2", "ff.net.0.proj"),
)
"""Ends of names. Time embeddings are never adapted; here `conv_in` is not either, but trained whole."""

VAE_TARGETS = (*("conv1", "conv2", "conv_in", "conv_shortcut", "conv", "conv_out"), *_ATTENTION)
"""Ends of names, in encoder and decoder alike; the two 1x1 convolutions around the latent are not among them."""


def skip_targets(skips: nn.Module) -> tuple[str, ...]:
    """Return the names of all skip convolutions: each is adapted and trained whole."""
    return tuple(name for name, module in skips.named_modules() if isinstance(module, nn.Conv2d))


def unpaired_unet_targets(unet: nn.Module) -> dict[str, tuple[str, ...]]:
    """Sort the full names of the adapted layers of CycleGAN-Turbo's UNet into its three adapters.

    Args:
        unet: The UNet, without adapters.

    Returns:
        Names by adapter: the way down with `conv_in`, the way up, and the rest.
    """
    ends = (*PAIRED_UNET_TARGETS, "conv_in")
    layers = [
        name
        for name, module in unet.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and any(name == end or name.endswith(f".{end}") for end in ends)
    ]
    down = tuple(name for name in layers if name.startswith("down_blocks") or name == "conv_in")
    up = tuple(name for name in layers if name.startswith("up_blocks"))
    others = tuple(name for name in layers if name not in {*down, *up})
    return {"default_encoder": down, "default_decoder": up, "default_others": others}
