"""One step's pictures, and where they come from."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Pictures with what the student should make of them. All are `[B, 3, h, w] float32` in [-1, 1], RGB."""

    image: Tensor
    """What the student sees, as some camera would have taken it."""
    truth: Tensor | None
    """The known result, where there is one."""
    teacher: Tensor | None
    """What the teacher made of the clean picture, where it was asked."""
    flow: Tensor | None = None
    """`[B / 2, h, w, 2]`, pixels: where each pixel of the second half's pictures was in the first half's, which are
    the same scenes a moment earlier. None where the pictures do not belong together."""
    corners: Tensor | None = None
    """`[B, 4]`: where in their frames the pictures were cut out, see `StudentNetwork.forward`. None for whole ones."""

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        parts = (self.image, self.truth, self.teacher, self.flow, self.corners)
        image, *others = (None if part is None else part.to(device) for part in parts)
        assert image is not None
        return Batch(image, *others)


class BatchSource(Protocol):
    """Where batches come from."""

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw a batch; the same one for the same random state."""
