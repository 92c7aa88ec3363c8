"""The names that peft gives to an adapted network's tensors, taken apart."""

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from onestep.errors import CheckpointError
from onestep.training.checkpoints.checkpoint import LowRankPair

_FACTOR = re.compile(r"^(?P<module>.+)\.lora_(?P<half>[AB])(\.(?P<adapter>[^.]+))?\.weight$")
_WRAPPED = ".base_layer."


def split_state(state: Mapping[str, Tensor], *, source: str) -> tuple[dict[str, LowRankPair], dict[str, Tensor]]:
    """Take the state of an adapted network apart.

    Args:
        state: Tensors by name, with or without the adapter's name in it.
        source: Where they come from, for messages.

    Returns:
        The pairs by module name; the other tensors under the names that they have in a network without adapters.

    Raises:
        CheckpointError: A factor is alone or there twice, or an adapter is no plain LoRA.
    """
    factors: dict[str, dict[str, Tensor]] = {}
    others = {}
    for name, tensor in state.items():
        match = _FACTOR.match(name)
        if match is not None:
            _put(factors.setdefault(match["module"], {}), match["half"], tensor, name=name, source=source)
        elif "lora_" in name:
            raise CheckpointError(f"{source} holds {name}, which is no plain LoRA factor. Only LoRA can be merged.")
        else:
            others[name.replace(_WRAPPED, ".")] = tensor
    return {module: _pair(module, halves, source) for module, halves in factors.items()}, others


def targeted(names: Iterable[str], targets: Iterable[str]) -> list[str]:
    """Return the module names that equal a target or end with it after a dot, which is peft's own rule."""
    ends = tuple(targets)
    return [name for name in names if any(name == end or name.endswith(f".{end}") for end in ends)]


def _put(halves: dict[str, Tensor], half: str, tensor: Tensor, *, name: str, source: str) -> None:
    if half in halves:
        raise CheckpointError(f"{source} adapts one layer twice: {name}. Keep one adapter per layer.")
    halves[half] = tensor


def _pair(module: str, halves: Mapping[str, Tensor], source: str) -> LowRankPair:
    if len(halves) < 2:
        lost = "AB".replace(next(iter(halves)), "")
        raise CheckpointError(f"{source} lacks {module}.lora_{lost}.weight: the file is incomplete. Get it again.")
    return LowRankPair(down=halves["A"], up=halves["B"])
