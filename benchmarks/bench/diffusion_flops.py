"""Operations and memory of one frame by multi-step diffusion, counted on the networks themselves."""

from collections.abc import Callable
from typing import Any

import torch

from bench.diffusion_networks import controlnet, t2i_adapter, wide_unet
from bench.flop_counts import counted_flops, latent_inputs, vae_reduction
from bench.workload import Workload

EXTRA_BYTES = {"controlnet": 0.6, "t2i-adapter": 0.15}
"""Upper estimates of a method's own networks, as shares of the UNet: on SD-Turbo they are 0.42 and 0.09."""


def _image_to_image(workload: Workload, evaluations: int) -> int:
    return _autoencoder(workload) + evaluations * workload.part_flops["unet"]


def _instruct_pix2pix(workload: Workload, evaluations: int) -> int:
    unet = workload.packed.base.unet
    inputs = 2 * unet.config.in_channels
    each = counted_flops(lambda: wide_unet(unet), lambda net: net(*latent_inputs(workload, channels=inputs)))
    return _autoencoder(workload) + evaluations * each


def _controlnet(workload: Workload, evaluations: int) -> int:
    unet = workload.packed.base.unet

    def call(network: Any) -> object:
        inputs = latent_inputs(workload, channels=unet.config.in_channels)
        return network(*inputs, controlnet_cond=_picture(workload))

    beside = counted_flops(lambda: controlnet(unet, with_weights=False), call)
    return workload.part_flops["decoder"] + evaluations * (workload.part_flops["unet"] + beside)


def _adapter(workload: Workload, evaluations: int) -> int:
    unet, reduction = workload.packed.base.unet, vae_reduction(workload)
    once = counted_flops(lambda: t2i_adapter(unet, reduction), lambda net: net(_picture(workload)))
    return once + workload.part_flops["decoder"] + evaluations * workload.part_flops["unet"]


def _autoencoder(workload: Workload) -> int:
    return workload.part_flops["encoder"] + workload.part_flops["decoder"]


def _picture(workload: Workload) -> torch.Tensor:
    size = workload.settings.frame_size
    return torch.empty(1, 3, size.height, size.width)


FLOPS: dict[str, Callable[[Workload, int], int]] = {
    "sdedit": _image_to_image,
    "consistency": _image_to_image,
    "instruct-pix2pix": _instruct_pix2pix,
    "controlnet": _controlnet,
    "t2i-adapter": _adapter,
}
"""Operations of one frame by family, for a number of UNet evaluations."""
