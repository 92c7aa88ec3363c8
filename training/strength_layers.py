"""Layers whose adaptation is scaled while they run: `base(x) + strength * branch(x)`.

The stochastic generator of pix2pix-turbo turns all that it learned up and down with one number per picture (Parmar et
al. 2024, section 3.4; `TwinConv` and the adapter weights of `src/pix2pix_turbo.py`). So nothing of it can be merged:
each adapted layer keeps its frozen form beside what was learned.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

_M = TypeVar("_M", bound=nn.Module)


class StrengthScaled(nn.Module):
    """A frozen layer and a branch beside it that counts in the measure of the strength.

    Args:
        base: The frozen layer.
        branch: Maps the same input to the same shape.
    """

    def __init__(self, base: nn.Module, branch: nn.Module) -> None:
        super().__init__()
        self.base = base
        self.branch = branch
        self.strength: Tensor | None = None

    def forward(self, hidden: Tensor) -> Tensor:
        """Apply the layer to `hidden`, any shape that `base` takes."""
        assert self.strength is not None, "a strength-scaled layer runs inside applied_strength only"
        result: Tensor = self.base(hidden) + self.strength.to(hidden.dtype) * self.branch(hidden)
        return result


@contextmanager
def applied_strength(module: nn.Module, strength: Tensor) -> Iterator[None]:
    """Give every strength-scaled layer of a module the same strength while the block runs.

    The one value that reaches layers by attribute: they sit inside diffusers' modules, whose calls have no room for it.

    Args:
        module: Any module; not to be used by two threads at once.
        strength: `[1]`, from 0 (the frozen network) to 1 (all that was learned).
    """
    layers = [layer for layer in module.modules() if isinstance(layer, StrengthScaled)]
    try:
        for layer in layers:
            layer.strength = strength
        yield
    finally:
        for layer in layers:
            layer.strength = None


def low_rank_branch(base: nn.Module, down: Tensor, up: Tensor) -> nn.Sequential:
    """Build the branch of a linear layer or a convolution from its two factors.

    Args:
        base: The layer beside which it goes.
        down: `[r, in]`, or `[r, in, k, k]` for a convolution.
        up: `[out, r]`, or `[out, r, 1, 1]`; the scale is in it.
    """
    first: nn.Module
    second: nn.Module
    if isinstance(base, nn.Conv2d):
        first = _convolution_like(base, down)
        second = nn.Conv2d(up.shape[1], up.shape[0], 1, bias=False)
    else:
        first = nn.Linear(down.shape[1], down.shape[0], bias=False)
        second = nn.Linear(up.shape[1], up.shape[0], bias=False)
    first.weight, second.weight = nn.Parameter(down), nn.Parameter(up)
    return nn.Sequential(first, second)


def difference_branch(base: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    """Build the branch that turns a convolution into another of the same shape at strength 1.

    Args:
        base: The frozen convolution.
        weight: Difference of the weights, trained less frozen.
        bias: Difference of the biases.
    """
    branch = _convolution_like(base, weight)
    branch.bias = nn.Parameter(bias)
    return branch


def branch_from_state(base: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """Build a branch again from the `state_dict` of one that the two functions above made."""
    if "0.weight" in state:
        return low_rank_branch(base, state["0.weight"], state["1.weight"])
    return difference_branch(cast(nn.Conv2d, base), state["weight"], state["bias"])


def add_branches(module: nn.Module, branches: Mapping[str, nn.Module]) -> None:
    """Put a branch beside each named layer of a module, in place."""
    for name, branch in branches.items():
        module.set_submodule(name, StrengthScaled(module.get_submodule(name), branch))


def branch_states(module: nn.Module) -> dict[str, dict[str, Tensor]]:
    """Return the `state_dict` of each branch under its layer's name."""
    layers = {name: layer for name, layer in module.named_modules() if isinstance(layer, StrengthScaled)}
    return {name: layer.branch.state_dict() for name, layer in layers.items()}


def without_branches(module: _M) -> _M:
    """Return the frozen form of a module as a new module that shares its tensors; `module` stays as it is."""
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    plain = copy.deepcopy(module, cast(dict[int, object], shared))
    for name in branch_states(module):
        plain.set_submodule(name, plain.get_submodule(f"{name}.base"))
    return plain


def _convolution_like(base: nn.Conv2d, weight: Tensor) -> nn.Conv2d:
    branch = nn.Conv2d(
        weight.shape[1],
        weight.shape[0],
        kernel_size=cast(tuple[int, int], base.kernel_size),
        stride=cast(tuple[int, int], base.stride),
        padding=cast(tuple[int, int], base.padding),
        dilation=cast(tuple[int, int], base.dilation),
        bias=False,
        device=torch.device("meta"),
    )
    branch.weight = nn.Parameter(weight)
    return branch
