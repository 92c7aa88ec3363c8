"""Which modules of a generator half precision cannot hold, found on sample frames and named.

A value above 65504 is infinity in half precision, and not a number two layers on. Where a module's inputs or outputs
come near that, the smallest module around it that takes and gives moderate numbers is kept in float32: a residual
block whose first convolution runs high costs that block, not the network.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.hooks import RemovableHandle

from onestep.exporter.precision import PARTS

LIMIT = 65504.0
"""Largest finite number of IEEE 754's half precision."""
HEADROOM = 2.0
"""Frames that nobody tried may go this many times higher than the samples."""
SCORES = "scores"


@dataclass(frozen=True)
class Overflow:
    """One module whose numbers are too large for half precision."""

    module: str
    """Its name in the generator, or an attention's with `.scores` behind it."""
    largest: float
    """Largest magnitude of its inputs and outputs, or of the scores, over the samples."""
    kept: str
    """The module around it, or itself, that is to compute in float32."""


class RangeRecorder:
    """Notes the largest magnitudes that go into and come out of each module of a generator.

    Args:
        generator: In float32.
    """

    def __init__(self, generator: nn.Module) -> None:
        self._generator = generator
        self.largest: dict[str, float] = {}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Take notes of every call while the block runs."""
        named = [(name, module) for name, module in self._generator.named_modules() if name]
        hooks = [module.register_forward_hook(self._note_as(name), with_kwargs=True) for name, module in named]
        for name, module in named:
            if isinstance(module, Attention):
                hooks += self._scores_hooks(name, module)
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def overflows(self, *, limit: float = LIMIT / HEADROOM) -> list[Overflow]:
        """Return the modules with magnitudes over the limit, those that contain no other such module only."""
        over = {name for name, largest in self.largest.items() if not largest <= limit}
        innermost = [name for name in over if not any(other.startswith(f"{name}.") for other in over)]
        return [Overflow(name, self.largest[name], self._smallest_moderate(name, over)) for name in sorted(innermost)]

    def _smallest_moderate(self, name: str, over: set[str]) -> str:
        """Return the nearest module around `name` that was called and stays under the limit, or the part it is in."""
        around = name
        while "." in around:
            around = around.rpartition(".")[0]
            if around in PARTS or (around in self.largest and around not in over):
                return around
        return next((part for part, names in PARTS.items() if name in names), name)

    def _scores_hooks(self, name: str, attention: Attention) -> list[RemovableHandle]:
        """Note the largest score of an attention, which is computed between its modules: queries times keys."""
        seen: dict[str, Tensor] = {}

        def keep(kind: str) -> Any:
            def kept(_: nn.Module, args: Any, result: Tensor) -> None:
                seen[kind] = result.detach()

            return kept

        def note(_: nn.Module, args: Any, result: Any) -> None:
            largest = _largest_score(seen.pop("queries"), seen.pop("keys"), attention.heads) * attention.scale
            scores = f"{name}.{SCORES}"
            self.largest[scores] = max(self.largest.get(scores, 0.0), largest)

        return [
            attention.to_q.register_forward_hook(keep("queries")),
            attention.to_k.register_forward_hook(keep("keys")),
            attention.register_forward_hook(note),
        ]

    def _note_as(self, name: str) -> Any:
        def note(_: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
            values = [_magnitude(tensor) for tensor in tensors if tensor.is_floating_point() and tensor.numel()]
            self.largest[name] = max([self.largest.get(name, 0.0), *values])

        return note


def kept_in_float32(overflows: Sequence[Overflow]) -> list[str]:
    """Return the names of the modules to keep in float32, none inside another."""
    names = {overflow.kept for overflow in overflows}
    return sorted(name for name in names if not any(name.startswith(f"{other}.") for other in names))


def _largest_score(queries: Tensor, keys: Tensor, heads: int) -> float:
    """Return the largest magnitude of products of `[B, N, C]` and `[B, M, C]`, head by head."""
    pairs = zip(queries.chunk(heads, dim=-1), keys.chunk(heads, dim=-1), strict=True)
    return max(_magnitude(of_head @ to_head.transpose(-1, -2)) for of_head, to_head in pairs)


def _magnitude(tensor: Tensor) -> float:
    """Return the largest magnitude; infinity where something is no number, which no comparison would notice."""
    low, high = (abs(float(end)) for end in torch.aminmax(tensor.detach()))
    return math.inf if math.isnan(low + high) else max(low, high)
