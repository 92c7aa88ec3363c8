"""Networks on a device and in a type, with the originals left where they are."""

import copy
import itertools
from typing import TypeVar

import torch
from torch import Tensor, nn

_Network = TypeVar("_Network", bound=nn.Module)


def copy_on(network: _Network, *, device: str, dtype: torch.dtype) -> _Network:
    """Copy a network to a device, without a second copy in its own type or place on the way.

    Args:
        network: Left as it is and where it is.
        device: As torch names it.
        dtype: Of the copy's floating-point weights and buffers.
    """

    def moved(tensor: Tensor) -> Tensor:
        data = tensor.detach().to(device, dtype if tensor.is_floating_point() else tensor.dtype, copy=True)
        return nn.Parameter(data, requires_grad=False) if isinstance(tensor, nn.Parameter) else data

    tensors = itertools.chain(network.parameters(), network.buffers())
    return copy.deepcopy(network, {id(tensor): moved(tensor) for tensor in tensors}).eval()
