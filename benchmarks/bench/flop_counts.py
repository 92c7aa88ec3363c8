"""Operations of the networks that stand beside the generator in other rows, counted on the modules themselves."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.workload import Workload

CallWith = Callable[[nn.Module], object]


def counted_flops(build: Callable[[], nn.Module], call: CallWith) -> int:
    """Count the matrix products and convolutions of one call, without memory for weights or results.

    Args:
        build: Makes the module; runs on torch's `meta` device.
        call: Calls it with tensors that it makes; runs there too.
    """
    with torch.device("meta"), torch.no_grad():
        module = build()
        with FlopCounterMode(display=False) as counter:
            call(module)
    return int(counter.get_total_flops())


def latent_inputs(workload: Workload, *, channels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return a latent, a timestep and a prompt embedding of one frame, on the current device.

    Args:
        workload: For the sizes.
        channels: Of the latent.
    """
    size, reduction = workload.settings.frame_size, vae_reduction(workload)
    latent = torch.empty(1, channels, size.height // reduction, size.width // reduction)
    return latent, torch.empty(()), torch.empty(workload.prompt.shape)


def vae_reduction(workload: Workload) -> int:
    """Return how many pixels one value of the latent stands for, along a side."""
    return int(2 ** (len(workload.packed.base.vae.config.block_out_channels) - 1))
