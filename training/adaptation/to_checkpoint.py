"""What was trained, as a checkpoint: the UNet's and the VAEs' pairs, the skips, and the UNet's first layer.

The reference leaves the trained `conv_in` of its unpaired models out of the file, and so translates with another
network than it trained; it is in every file of this project.
"""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from onestep.training.adaptation.adapted import AdaptedGenerator
from onestep.training.adaptation.lora import Adapter
from onestep.training.adaptation.trainable import trainable_tensors
from onestep.training.checkpoints.checkpoint import Checkpoint, Direction, DirectionWeights, PartWeights
from onestep.training.checkpoints.peft_names import split_state

_NOT_YET_WRITTEN = "not yet written"


def checkpoint_of(
    adapted: AdaptedGenerator,
    *,
    tensors: Mapping[str, Tensor] | None = None,
    prompts: Mapping[Direction, str | None],
    base: str,
    base_sha256: str,
    licence: str,
    preferred_size: tuple[int, int] | None = None,
) -> Checkpoint:
    """Gather what was trained.

    Args:
        adapted: The networks.
        tensors: Values in place of the networks' own, such as their moving average, by the names of
            `trainable_tensors`.
        prompts: Text of each direction; None where each picture has its own.
        base: Name of the base.
        base_sha256: Hash of its weights, before they were trained.
        licence: Licence of the weights.
        preferred_size: Width and height in pixels of the pictures in training; None where these had their own.

    Returns:
        The checkpoint, with copies of the tensors in memory; `save_checkpoint` gives it its path and hash.
    """
    own = {name: tensor.detach() for name, tensor in trainable_tensors(adapted).items()}
    values = {name: tensor.cpu().clone() for name, tensor in (own if tensors is None else tensors).items()}
    first = adapted.directions[0]
    return Checkpoint(
        kind="paired" if first == "paired" else "unpaired",
        unet=_part(values, f"generators.{first}.unet.", adapted.unet_adapters),
        directions={
            direction: DirectionWeights(
                vae=_part(values, f"generators.{direction}.vae.", (adapted.vae_adapter,)),
                skips=_part(values, f"generators.{direction}.skips.", (adapted.skip_adapter,)),
                prompt=prompts[direction],
            )
            for direction in adapted.directions
        },
        path=Path(_NOT_YET_WRITTEN),
        sha256=_NOT_YET_WRITTEN,
        licence=licence,
        base=base,
        base_sha256=base_sha256,
        preferred_size=preferred_size,
    )


def _part(values: Mapping[str, Tensor], prefix: str, adapters: tuple[Adapter, ...]) -> PartWeights:
    """Gather one network's tensors; its adapters have one rank and scale."""
    state = {name.removeprefix(prefix): tensor for name, tensor in values.items() if name.startswith(prefix)}
    pairs, full = split_state(state, source="the network in training")
    return PartWeights(
        rank=adapters[0].rank,
        alpha=adapters[0].alpha,
        targets=tuple(name for adapter in adapters for name in adapter.targets),
        pairs=pairs,
        full=full,
    )
