"""The base models that are known by name, as configurations of diffusers' and transformers' own classes.

`sd-turbo` is the published configuration (stabilityai/sd-turbo); `tiny` is the same classes, small enough for a CPU.
A base that is not here is any folder in diffusers' layout.
"""

from dataclasses import dataclass
from typing import Any

from onestep.errors import UnknownNameError


@dataclass(frozen=True)
class Architecture:
    """Configurations of the parts of a base."""

    name: str
    unet: dict[str, Any]
    """Arguments of diffusers' `UNet2DConditionModel`."""
    vae: dict[str, Any]
    """Arguments of diffusers' `AutoencoderKL`."""
    text_encoder: dict[str, Any]
    """Arguments of transformers' `CLIPTextConfig`."""
    scheduler: dict[str, Any]
    """Arguments of diffusers' `DDPMScheduler`."""


_SCHEDULER = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "timestep_spacing": "trailing",
    "steps_offset": 1,
    "clip_sample": False,
}


def _vae(widths: tuple[int, ...], *, layers: int, groups: int, sample_size: int, scale: float) -> dict[str, Any]:
    return {
        "block_out_channels": list(widths),
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
        "layers_per_block": layers,
        "norm_num_groups": groups,
        "latent_channels": 4,
        "sample_size": sample_size,
        "scaling_factor": scale,
    }


def _unet(widths: tuple[int, ...], *, heads: list[int], layers: int, groups: int, text_width: int) -> dict[str, Any]:
    attended = len(widths) - 1
    return {
        "sample_size": 64,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": list(widths),
        "down_block_types": ["CrossAttnDownBlock2D"] * attended + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * attended,
        "layers_per_block": layers,
        "cross_attention_dim": text_width,
        "attention_head_dim": heads,  # diffusers reads this as the number of heads
        "use_linear_projection": True,
        "norm_num_groups": groups,
    }


SD_TURBO = Architecture(
    name="sd-turbo",
    unet=_unet((320, 640, 1280, 1280), heads=[5, 10, 20, 20], layers=2, groups=32, text_width=1024),
    vae=_vae((128, 256, 512, 512), layers=2, groups=32, sample_size=768, scale=0.18215),
    text_encoder={
        "vocab_size": 49408,
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 23,
        "num_attention_heads": 16,
        "max_position_embeddings": 77,
        "hidden_act": "gelu",
        "projection_dim": 512,
    },
    scheduler=_SCHEDULER,
)

# Groups of four channels at the least, as in SD-Turbo. With one channel to a group the norm takes each channel's
# brightness out of the picture, and the network learned to smuggle it past with a blotch on the road.
TINY = Architecture(
    name="tiny",
    unet=_unet((48, 64, 96), heads=[3, 4, 6], layers=1, groups=16, text_width=32),
    vae=_vae((8, 16, 32, 64), layers=1, groups=2, sample_size=256, scale=1.0),
    text_encoder={
        "vocab_size": 514,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 77,
        "bos_token_id": 512,
        "eos_token_id": 513,
        "pad_token_id": 0,
    },
    scheduler=_SCHEDULER,
)

ARCHITECTURES = {architecture.name: architecture for architecture in (TINY, SD_TURBO)}


def architecture(name: str) -> Architecture:
    """Return a known architecture by its name.

    Raises:
        UnknownNameError: No architecture has that name.
    """
    if name not in ARCHITECTURES:
        raise UnknownNameError("base architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name]
