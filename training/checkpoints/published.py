"""What the two published formats have in common: telling them apart, and their tables' entries, checked."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from onestep.errors import CheckpointError
from onestep.training.checkpoints.checkpoint import DirectionWeights, LowRankPair, PartWeights
from onestep.training.checkpoints.peft_names import split_state

FIXED_ALPHA = 8.0
"""peft's default, which the reference leaves alone for both VAEs and for the paired UNet, whatever the rank."""

_SKIP_PREFIX = "decoder.skip_conv_"


def table_of_tensors(content: Mapping[str, Any], key: str, *, source: str) -> dict[str, Tensor]:
    """Return an entry that must be a table of tensors by name."""
    value = content[key]
    good = isinstance(value, Mapping) and all(isinstance(k, str) and torch.is_tensor(v) for k, v in value.items())
    if not good:
        raise CheckpointError(f"{source}: {key!r} should be a table of tensors and is not. The file is damaged.")
    return dict(value)


def names(content: Mapping[str, Any], key: str, *, source: str) -> tuple[str, ...]:
    """Return an entry that must be a list of names."""
    value = content[key]
    if not isinstance(value, list | tuple | set) or not all(isinstance(name, str) for name in value):
        raise CheckpointError(f"{source}: {key!r} should be a list of names and is not. The file is damaged.")
    return tuple(value)


def rank(content: Mapping[str, Any], key: str, *, source: str) -> int:
    """Return an entry that must be a rank."""
    value = content[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise CheckpointError(f"{source}: {key!r} should be a whole number from 1 and is {value!r}. It is damaged.")
    return value


def direction_weights(
    state: Mapping[str, Tensor], *, rank: int, targets: Iterable[str], complete: bool, source: str
) -> DirectionWeights:
    """Build a direction from an adapted VAE's state, which holds the skip convolutions too.

    Args:
        state: Tensors by peft's names; the skip convolutions are `decoder.skip_conv_1` to `_4` in it.
        rank: Rank of the VAE's adapter.
        targets: Names, or ends of names, of the layers that it adapts.
        complete: Whether every tensor of the VAE is in the state.
        source: Where it comes from, for messages.
    """
    pairs, full = split_state(state, source=source)
    ends = tuple(targets)
    skip_targets = tuple(_skip_name(f"decoder.{end}") for end in ends if _is_skip(f"decoder.{end}"))
    vae = PartWeights(
        rank=rank,
        alpha=FIXED_ALPHA,
        targets=tuple(end for end in ends if not _is_skip(f"decoder.{end}")),
        pairs={name: pair for name, pair in pairs.items() if not _is_skip(name)},
        full={name: tensor for name, tensor in full.items() if not _is_skip(name)},
        complete=complete,
    )
    skips = PartWeights(
        rank=rank,
        alpha=FIXED_ALPHA,
        targets=skip_targets,
        pairs={_skip_name(name): pair for name, pair in pairs.items() if _is_skip(name)},
        full={_skip_name(name): tensor for name, tensor in full.items() if _is_skip(name)},
        complete=True,
    )
    return DirectionWeights(vae=vae, skips=skips)


def united(tables: Iterable[Mapping[str, LowRankPair]], *, source: str) -> dict[str, LowRankPair]:
    """Return the pairs of several adapters of one network as one table."""
    together: dict[str, LowRankPair] = {}
    for table in tables:
        twice = sorted(together.keys() & table.keys())
        if twice:
            raise CheckpointError(f"{source} adapts one layer twice: {twice[0]}. Keep one adapter per layer.")
        together.update(table)
    return together


def _is_skip(name: str) -> bool:
    return name.startswith(_SKIP_PREFIX)


def _skip_name(name: str) -> str:
    """Turn `decoder.skip_conv_2.weight` into `convs.1.weight`: both count from the latent's resolution upwards."""
    number, dot, rest = name.removeprefix(_SKIP_PREFIX).partition(".")
    return f"convs.{int(number) - 1}{dot}{rest}" if number.isdigit() else name
