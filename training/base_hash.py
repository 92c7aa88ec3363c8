"""A base by its content: two of one name and shape may hold other weights."""

import hashlib

import torch
from torch import Tensor

from onestep.training.base import Base


@torch.no_grad()
def base_sha256(base: Base) -> str:
    """Return a hash of all weights of a base's networks.

    Weights are rounded to half precision first, so that a base and its `fp16` variant are one; whatever is trained on
    one of them goes with the other. Names and order do not count: they differ between versions of the libraries.

    Args:
        base: As it was loaded, on any device.
    """
    each = sorted(_digest(weight) for network in base.networks for weight in network.parameters())
    return hashlib.sha256(b"".join(each)).hexdigest()


def _digest(weight: Tensor) -> bytes:
    digest = hashlib.sha256(f"{tuple(weight.shape)}\n".encode())
    digest.update(weight.half().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.digest()
