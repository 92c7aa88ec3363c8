"""The check that a checkpoint goes with a base, before anything is computed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from onestep.errors import CheckpointError
from onestep.training.base import Base
from onestep.training.base_hash import base_sha256
from onestep.training.checkpoints.checkpoint import Checkpoint, LowRankPair, PartWeights
from onestep.training.checkpoints.peft_names import targeted
from onestep.training.vae_skips import SkipConvolutions

_SHOWN = 10
_TEXT_WIDTHS = {768: "Stable Diffusion 1.x", 1024: "SD-Turbo and Stable Diffusion 2.x", 2048: "SDXL"}
_TEXT_KEYS = ("attn2.to_k", "attn2.to_v")


@dataclass
class _Faults:
    """Names of tensors that do not go with the base or hold no numbers, each list with what was got and expected."""

    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    reshaped: list[str] = field(default_factory=list)
    retyped: list[str] = field(default_factory=list)
    not_finite: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def compare(self, name: str, tensor: Tensor, expected: tuple[int, ...]) -> None:
        """Note a tensor whose shape, type or values are wrong."""
        if tuple(tensor.shape) != expected:
            self.reshaped.append(f"{name} {list(tensor.shape)} instead of {list(expected)}")
        elif not tensor.dtype.is_floating_point:
            self.retyped.append(f"{name} {str(tensor.dtype).removeprefix('torch.')}")
        elif not bool(torch.isfinite(tensor).all()):
            self.not_finite.append(name)

    def text(self) -> str:
        """Return how many there are of each sort, and the first few."""
        sorts = {
            "missing": self.missing,
            "unknown to the base": self.extra,
            "of another shape": self.reshaped,
            "not floating-point": self.retyped,
            "with values that are not finite": self.not_finite,
        }
        lines = [f"{len(found)} {sort}: {_first(found)}" for sort, found in sorts.items() if found]
        return "; ".join(lines)


def check_fits(checkpoint: Checkpoint, base: Base) -> None:
    """Compare name, shape and type of every tensor of a checkpoint with a base, and the base with the one it knows.

    Raises:
        CheckpointError: Something is missing, unknown to the base, of another shape, no floating-point number, or not
            finite; the message counts each, names the first few, and says what other base the widths look like. Or the
            base's weights are not those that the checkpoint was trained on.
    """
    with torch.device("meta"):
        skips = SkipConvolutions.for_vae(base.vae)
    faults = _Faults()
    _check_part("unet", checkpoint.unet, base.unet, faults)
    for direction, weights in checkpoint.directions.items():
        _check_part(f"{direction} vae", weights.vae, base.vae, faults)
        _check_part(f"{direction} skips", weights.skips, skips, faults)
    if faults:
        raise CheckpointError(
            f"{checkpoint.path} does not go with the base {base.name}. Tensors: {faults.text()}."
            f"{_other_base(checkpoint.unet, base)} Give the base that the checkpoint was trained on with --base."
        )
    if checkpoint.base_sha256 is not None and checkpoint.base_sha256 != (here := base_sha256(base)):
        raise CheckpointError(
            f"{checkpoint.path} was trained on a base {checkpoint.base} with other weights than {base.name} has here "
            f"(SHA-256 {checkpoint.base_sha256[:12]}…, here {here[:12]}…). Give the folder of that one with --base."
        )


def _check_part(label: str, part: PartWeights, network: Any, faults: _Faults) -> None:
    layers = {name: m for name, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    for name, tensor in (*part.full.items(), *part.full_at_strength.items()):
        if name in shapes:
            faults.compare(f"{label} {name}", tensor, shapes[name])
        else:
            faults.extra.append(f"{label} {name}")
    for module, pair in part.pairs.items():
        if module in layers:
            _check_pair(f"{label} {module}", pair, layers[module], part.rank, faults)
        else:
            faults.extra.append(f"{label} {module}")
    faults.missing.extend(f"{label} {name}" for name in _missing(part, layers, shapes))
    faults.missing.extend(f"{label} {name}" for name in _halves(part))


def _check_pair(name: str, pair: LowRankPair, layer: nn.Linear | nn.Conv2d, rank: int, faults: _Faults) -> None:
    out, *inner = layer.weight.shape
    faults.compare(f"{name}.lora_A", pair.down, (rank, *inner))
    faults.compare(f"{name}.lora_B", pair.up, (out, rank) if isinstance(layer, nn.Linear) else (out, rank, 1, 1))


def _missing(part: PartWeights, layers: Mapping[str, Any], shapes: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in targeted(layers, part.targets) if name not in part.pairs)
    if part.complete:
        yield from (name for name in shapes if name not in part.full)


def _halves(part: PartWeights) -> Iterator[str]:
    """Yield the weight or the bias of convolutions that have only the other at strength."""
    modules = {name.rpartition(".")[0] for name in part.full_at_strength}
    both = (f"{module}.{kind}" for module in sorted(modules) for kind in ("weight", "bias"))
    yield from (name for name in both if name not in part.full_at_strength)


def _other_base(unet: PartWeights, base: Base) -> str:
    """Return a sentence about the checkpoint's text width where it is another than the base's."""
    widths = {pair.down.shape[1] for name, pair in unet.pairs.items() if name.endswith(_TEXT_KEYS)}
    expected = base.unet.config.cross_attention_dim
    if len(widths) != 1 or expected in widths:
        return ""
    width = widths.pop()
    owner = f", as {_TEXT_WIDTHS[width]} has" if width in _TEXT_WIDTHS else ""
    return f" The checkpoint's text is {width} wide{owner}; the base's is {expected}."


def _first(found: list[str]) -> str:
    return ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
