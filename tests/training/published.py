"""The published models, put together from diffusers and peft, unmerged: what merged generators are compared with.

Written from the paper and the facts of the reference implementation, apart from the project's own code: activations
kept on the way down, the skips added on the way up, and diffusers' own scheduler for the step.
"""

import copy
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler
from diffusers.utils.peft_utils import set_weights_and_activate_adapters
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from torch import Tensor, nn

from onestep.training.base import random_base

SEED = 3
VAE_RANK = 4
VAE_TARGETS = ["conv1", "conv2", "conv_in", "conv_shortcut", "conv", "conv_out"]
VAE_TARGETS += ["skip_conv_1", "skip_conv_2", "skip_conv_3", "skip_conv_4", "to_k", "to_q", "to_v", "to_out.0"]
PAIRED_TARGETS = ["to_k", "to_q", "to_v", "to_out.0", "conv", "conv1", "conv2", "conv_shortcut", "conv_out"]
PAIRED_TARGETS += ["proj_in", "proj_out", "ff.net.2", "ff.net.0.proj"]


class Twin(nn.Module):
    """The stochastic model's first layer: a frozen and a trained convolution."""

    def __init__(self, frozen: nn.Module, trained: nn.Module) -> None:
        super().__init__()
        self.conv_in_pretrained = frozen
        self.conv_in_curr = trained
        self.r = 1.0

    def forward(self, latent: Tensor) -> Tensor:
        """Blend the two."""
        blended: Tensor = self.conv_in_pretrained(latent) * (1 - self.r) + self.conv_in_curr(latent) * self.r
        return blended


@dataclass
class Published:
    """A published model in float64 with its adapters in place, and the content of its file in float32.

    In float64 two ways to the same sum agree so closely that nothing can hide in the tolerance.
    """

    unet: Any
    vaes: dict[str, Any]
    scheduler: DDPMScheduler
    file: dict[str, Any]

    def save(self, path: Path) -> Path:
        """Write the file that the model's own trainer would write."""
        torch.save(self.file, path)
        return path

    def __post_init__(self) -> None:
        self.file = copy.deepcopy(self.file)
        for network in (self.unet, *self.vaes.values()):
            network.double()
        self.scheduler.alphas_cumprod = self.scheduler.alphas_cumprod.double()

    @torch.no_grad()
    def translate(self, image: Tensor, prompt: Tensor, direction: str) -> Tensor:
        """Translate an image in the model's own range, with the mean of the latent."""
        return self._translate(image, prompt, self.vaes[direction], noise=None, r=1.0)

    @torch.no_grad()
    def translate_stochastic(self, image: Tensor, prompt: Tensor, noise: Tensor, r: float) -> Tensor:
        """Translate an image in [0, 1] with everything that was learned at strength r."""
        self.unet.set_adapters(["default"], weights=[r])
        set_weights_and_activate_adapters(self.vaes["paired"], ["vae_skip"], [r])
        self.unet.conv_in.r = r
        return self._translate(image, prompt, self.vaes["paired"], noise=noise, r=r)

    def _translate(self, image: Tensor, prompt: Tensor, vae: Any, *, noise: Tensor | None, r: float) -> Tensor:
        kept, hidden = [], vae.encoder.conv_in(image)
        for block in vae.encoder.down_blocks:
            kept.append(hidden)
            hidden = block(hidden)
        hidden = vae.encoder.conv_out(vae.encoder.conv_act(vae.encoder.conv_norm_out(vae.encoder.mid_block(hidden))))
        latent = vae.quant_conv(hidden)[:, :4] * vae.config.scaling_factor
        if noise is not None:
            latent = latent * r + noise * (1 - r)
        self.scheduler.set_timesteps(1)
        eps = self.unet(latent, 999, encoder_hidden_states=prompt).sample
        latent = self.scheduler.step(eps, 999, latent, generator=torch.Generator().manual_seed(0)).prev_sample
        hidden = vae.decoder.conv_in(vae.post_quant_conv(latent / vae.config.scaling_factor))
        hidden = vae.decoder.mid_block(hidden)
        for number, (block, activation) in enumerate(zip(vae.decoder.up_blocks, kept[::-1], strict=True), start=1):
            hidden = block(hidden + getattr(vae.decoder, f"skip_conv_{number}")(activation * r))
        decoded: Tensor = vae.decoder.conv_out(vae.decoder.conv_act(vae.decoder.conv_norm_out(hidden)))
        return decoded.clamp(-1, 1)


def unpaired(rank: int = 16) -> Published:
    """Build a CycleGAN-Turbo on the tiny base of `SEED`: three adapters on the UNet, a VAE for each direction."""
    base = random_base("tiny", seed=SEED)
    lists = _unpaired_targets(base.unet)
    adapters = ("default_encoder", "default_decoder", "default_others")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Already found a `peft_config`")  # three adapters are meant
        for adapter, targets in zip(adapters, lists, strict=True):
            base.unet.add_adapter(_lora(rank, targets, alpha=rank), adapter_name=adapter)
    base.unet.set_adapter(list(adapters))
    a2b = _vae_with_skips(base.vae)
    b2a = copy.deepcopy(a2b)
    _train(base.unet, seed=10)
    _train(a2b, seed=11)
    _train(b2a, seed=12, everything=True)
    both = nn.Module()
    both.vae, both.vae_b2a = a2b, b2a
    names = ("l_target_modules_encoder", "l_target_modules_decoder", "l_modules_others")
    tables = zip(("sd_encoder", "sd_decoder", "sd_other"), adapters, strict=True)
    file = {
        **dict(zip(names, lists, strict=True)),
        **{name: get_peft_model_state_dict(base.unet, adapter_name=adapter) for name, adapter in tables},
        "rank_unet": rank,
        "rank_vae": VAE_RANK,
        "vae_lora_target_modules": VAE_TARGETS,
        "sd_vae_enc": both.state_dict(),
        "sd_vae_dec": both.state_dict(),
    }
    return Published(base.unet, {"a2b": a2b, "b2a": b2a}, base.scheduler, file)


def paired(rank: int = 8, *, stochastic: bool = False) -> Published:
    """Build a pix2pix-turbo on the tiny base of `SEED`, its UNet's alpha 8 whatever the rank."""
    base = random_base("tiny", seed=SEED)
    if stochastic:
        base.unet.conv_in = Twin(base.unet.conv_in, copy.deepcopy(base.unet.conv_in))
    base.unet.add_adapter(_lora(rank, PAIRED_TARGETS))
    vae = _vae_with_skips(base.vae)
    _train(base.unet, seed=20)
    _train(vae, seed=21)
    with torch.no_grad():
        conv_in = base.unet.conv_in.conv_in_curr if stochastic else base.unet.conv_in
        conv_in.weight.mul_(1.2)
        conv_in.bias.add_(0.1)
    file = {
        "unet_lora_target_modules": PAIRED_TARGETS,
        "vae_lora_target_modules": VAE_TARGETS,
        "rank_unet": rank,
        "rank_vae": VAE_RANK,
        "state_dict_unet": {k: v for k, v in base.unet.state_dict().items() if "lora" in k or "conv_in" in k},
        "state_dict_vae": {k: v for k, v in vae.state_dict().items() if "lora" in k or "skip" in k},
    }
    return Published(base.unet, {"paired": vae}, base.scheduler, file)


def _lora(rank: int, targets: list[str], *, alpha: int = 8) -> LoraConfig:
    return LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=targets)


def _unpaired_targets(unet: Any) -> tuple[list[str], list[str], list[str]]:
    """Sort the names of the adapted layers into those of the way down, the way up, and the rest."""
    words = (*PAIRED_TARGETS, "conv_in")
    names = [name.removesuffix(".weight") for name, _ in unet.named_parameters() if "bias" not in name]
    names = [name for name in names if "norm" not in name and any(word in name for word in words)]
    down = [name for name in names if "down_blocks" in name or "conv_in" in name]
    up = [name for name in names if "up_blocks" in name]
    return down, up, [name for name in names if name not in down and name not in up]


def _vae_with_skips(vae: Any) -> Any:
    widths = list(vae.config.block_out_channels)
    taps = [widths[0], *widths[:-1]][::-1]
    ups = [widths[-1], *widths[:0:-1]]
    for number, (c_in, c_out) in enumerate(zip(taps, ups, strict=True), start=1):
        setattr(vae.decoder, f"skip_conv_{number}", nn.Conv2d(c_in, c_out, 1, bias=False))
    vae.add_adapter(_lora(VAE_RANK, VAE_TARGETS), adapter_name="vae_skip")
    return vae


@torch.no_grad()
def _train(network: nn.Module, *, seed: int, everything: bool = False) -> None:
    """Give every second factor, and if asked every weight, a value as if it had been trained."""
    random = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        noise = torch.randn(parameter.shape, generator=random)
        if "lora_B" in name:
            parameter.copy_(0.02 * noise)
        elif "skip_conv" in name and "lora" not in name:
            parameter.copy_(0.05 * noise)
        elif everything:
            parameter.add_(0.01 * noise)
