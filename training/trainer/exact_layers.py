"""Layers that compute in float32 in the midst of a network that computes in bfloat16."""

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn


def exempt_from_autocast(layer: nn.Module) -> None:
    """Let a layer take whatever comes and compute in float32, whatever autocast says around it.

    The step multiplies what the UNet's last layer predicts by sqrt((1 - a) / a), 14.6 for SD-Turbo: bfloat16's eight
    bits of it would be a noise of 0.024 (root mean square) in a latent of deviation 1, which the merged generator does
    not have. So would be those of what the first layer sees, which the step takes in float32.

    Args:
        layer: In float32, called with one tensor first.
    """
    opened: list[ExitStack] = []

    def enter(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        tensor: Tensor = args[0]
        opened.append(ExitStack())
        opened[-1].enter_context(torch.autocast(tensor.device.type, enabled=False))
        return (tensor.float(), *args[1:])

    def leave(_: nn.Module, args: tuple[Any, ...], result: Tensor | None) -> None:
        opened.pop().close()

    layer.register_forward_pre_hook(enter)
    layer.register_forward_hook(leave, always_call=True)
