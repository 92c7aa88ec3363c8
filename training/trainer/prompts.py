"""Prompts as the UNet takes them, by the base's frozen text encoder."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from onestep.training.base import Base

_KEPT = 256


class PromptEncoder:
    """Encode captions one by one, so that a caption's embedding does not depend on its batch; the last are kept.

    Args:
        base: Its text encoder stays on the CPU: a caption is encoded once, and the results are small.
        device: Where the embeddings go.
    """

    def __init__(self, base: Base, device: torch.device) -> None:
        self._base, self._device = base, device
        self._kept: OrderedDict[str, Tensor] = OrderedDict()

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """Return `[B, T, D] float32`."""
        return torch.cat([self._one(caption) for caption in captions])

    def _one(self, caption: str) -> Tensor:
        if caption not in self._kept:
            self._kept[caption] = self._base.prompt_embedding(caption).to(self._device)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(caption)
        return self._kept[caption]
