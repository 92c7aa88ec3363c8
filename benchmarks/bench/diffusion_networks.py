"""The networks that other methods put beside or in place of the base's UNet, at the base's own configuration."""

import torch
from diffusers import ControlNetModel, T2IAdapter, UNet2DConditionModel


def wide_unet(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Build InstructPix2Pix's UNet on the current device: the same but for a first layer of noise and picture."""
    return UNet2DConditionModel.from_config({**unet.config, "in_channels": 2 * unet.config.in_channels})


def unet_of_two_latents(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Return InstructPix2Pix's UNet with the weights of a UNet; all but the first layer's are the same memory."""
    with torch.device("meta"):
        wide = wide_unet(unet)
    weights = unet.state_dict()
    first = weights["conv_in.weight"]
    weights["conv_in.weight"] = torch.cat([first, torch.zeros_like(first)], dim=1)
    wide.load_state_dict(weights, assign=True)
    return wide.eval().requires_grad_(False)


def controlnet(unet: UNet2DConditionModel, *, with_weights: bool) -> ControlNetModel:
    """Build the ControlNet of a UNet on the current device: a copy of its encoder half, and a condition's encoder."""
    return ControlNetModel.from_unet(unet, load_weights_from_unet=with_weights)


def t2i_adapter(unet: UNet2DConditionModel, reduction: int) -> T2IAdapter:
    """Build the full T2I-Adapter of a UNet on the current device.

    Args:
        unet: For the widths of its blocks.
        reduction: How many pixels one value of the latent stands for, along a side.
    """
    widths = list(unet.config.block_out_channels)
    return T2IAdapter(channels=widths, downscale_factor=reduction, adapter_type="full_adapter")
