"""How many bytes the backward pass needs kept: counted in a real pass through one small picture.

torch hands every tensor that it keeps for the backward pass to a hook; each storage counts once, and weights do not
count. What is kept grows with the number of pixels, so a small picture tells for a large one. A module whose
activations are computed again keeps its input alone, and once more its own share while it is computed again.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


@dataclass(frozen=True)
class KeptBytes:
    """What one pass keeps for the backward pass."""

    plain: float
    recomputed: float
    """With activation checkpointing, the largest block's share included."""

    def times(self, factor: float) -> "KeptBytes":
        """Scale with the number of pixels or passes."""
        return KeptBytes(self.plain * factor, self.recomputed * factor)

    def plus(self, other: "KeptBytes") -> "KeptBytes":
        """Add what is kept at the same time."""
        return KeptBytes(self.plain + other.plain, self.recomputed + other.recomputed)


@dataclass
class _Count:
    """Bytes that were kept so far, and by the blocks that could be computed again."""

    weights: set[int]
    total: int = 0
    blocks: list[int] = field(default_factory=list)
    inputs: int = 0
    seen: dict[int, Tensor] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)

    def pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self.weights and key not in self.seen:
            self.seen[key] = tensor  # held, so that no later storage gets the same address
            self.total += storage.nbytes()
        return tensor

    def enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.begun.append(self.total)
        self.inputs += sum(x.untyped_storage().nbytes() for x in inputs if isinstance(x, Tensor))

    def leave(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        self.blocks.append(self.total - self.begun.pop())


def kept_bytes(run: Callable[[], object], *, weights: Iterable[Tensor], blocks: Iterable[nn.Module] = ()) -> KeptBytes:
    """Count what a pass keeps.

    Args:
        run: The pass; it is run once.
        weights: Tensors that are there anyway.
        blocks: Modules in it, none inside another, that could be computed again.
    """
    count = _Count({tensor.untyped_storage()._cdata for tensor in weights})
    with _watched(blocks, count), torch.enable_grad(), saved_tensors_hooks(count.pack, lambda tensor: tensor):
        run()
    outside = count.total - sum(count.blocks)
    return KeptBytes(float(count.total), float(outside + count.inputs + max(count.blocks, default=0)))


@contextmanager
def _watched(blocks: Iterable[nn.Module], count: _Count) -> Iterator[None]:
    handles = []
    for block in blocks:
        handles += [block.register_forward_pre_hook(count.enter), block.register_forward_hook(count.leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
