"""Low-rank adapters in a network's layers, by peft (Hu et al. 2021): A is normal with deviation 1/r, B is zero."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn


@dataclass(frozen=True)
class Adapter:
    """One set of adapted layers with a common rank."""

    name: str
    targets: tuple[str, ...]
    """Module names, or ends of names."""
    rank: int
    alpha: float
    """The product of the factors counts alpha / rank times."""


def add_adapters(network: nn.Module, adapters: Iterable[Adapter], *, seed: int) -> None:
    """Put adapters into a network in place, all of them active; no layer may be in two.

    Its own weights are frozen, the factors are trainable. The global random state is left as it was.

    Args:
        network: Any module with linear layers and convolutions.
        adapters: What to add.
        seed: Seed of the first factors.
    """
    network.requires_grad_(False)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Already found a `peft_config`")  # several adapters are meant
        torch.manual_seed(seed)
        for adapter in adapters:
            config = LoraConfig(
                r=adapter.rank,
                lora_alpha=adapter.alpha,
                init_lora_weights="gaussian",
                target_modules=list(adapter.targets),
            )
            inject_adapter_in_model(config, network, adapter_name=adapter.name)
    for module in network.modules():
        if isinstance(module, LoraLayer):
            module.set_adapter(list(module.lora_A))  # peft leaves only the last one active
