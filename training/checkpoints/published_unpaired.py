"""CycleGAN-Turbo's checkpoints (`src/train_cyclegan_turbo.py` of GaParmar/img2img-turbo, day2night.pkl and so on).

One UNet with three adapters serves both directions, its alpha equal to its rank. Each direction has a whole VAE of its
own, stored with its adapter: `vae.` is a2b's and `vae_b2a.` is b2a's, and both the encoder's and the decoder's table
hold both VAEs. The trained `unet.conv_in` is not in the file, and the file states no prompt.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from onestep.errors import CheckpointError
from onestep.training.checkpoints.checkpoint import Checkpoint, Direction, DirectionWeights, PartWeights
from onestep.training.checkpoints.peft_names import split_state
from onestep.training.checkpoints.published import direction_weights, names, rank, table_of_tensors, united

_UNET_TABLES = ("sd_encoder", "sd_decoder", "sd_other")
_UNET_TARGETS = ("l_target_modules_encoder", "l_target_modules_decoder", "l_modules_others")
_VAE_TABLES = ("sd_vae_enc", "sd_vae_dec")
_PREFIXES: dict[Direction, str] = {"a2b": "vae.", "b2a": "vae_b2a."}

KEYS = (*_UNET_TABLES, *_UNET_TARGETS, *_VAE_TABLES, "rank_unet", "rank_vae", "vae_lora_target_modules")
"""What a file of this format holds at least."""


def unpaired_checkpoint(content: Mapping[str, Any], *, path: Path, sha256: str) -> Checkpoint:
    """Build a checkpoint from an unpaired file's table.

    Args:
        content: The table, with all of `KEYS`.
        path: Of the file.
        sha256: Of the file.

    Raises:
        CheckpointError: An entry is not what it should be.
    """
    return Checkpoint(
        kind="unpaired",
        unet=_unet(content, str(path)),
        directions=_directions(content, str(path)),
        path=path,
        sha256=sha256,
    )


def _unet(content: Mapping[str, Any], source: str) -> PartWeights:
    states = [split_state(table_of_tensors(content, key, source=source), source=source) for key in _UNET_TABLES]
    unet_rank = rank(content, "rank_unet", source=source)
    return PartWeights(
        rank=unet_rank,
        alpha=float(unet_rank),
        targets=tuple(target for key in _UNET_TARGETS for target in names(content, key, source=source)),
        pairs=united((pairs for pairs, _ in states), source=source),
        full={name: tensor for _, full in states for name, tensor in full.items()},
    )


def _directions(content: Mapping[str, Any], source: str) -> dict[Direction, DirectionWeights]:
    state: dict[str, Tensor] = {}
    for key in _VAE_TABLES:  # the reference loads them one after the other into the same modules: the last one counts
        state |= table_of_tensors(content, key, source=source)
    strays = [name for name in state if not name.startswith(tuple(_PREFIXES.values()))]
    if strays:
        raise CheckpointError(
            f"{source}: {len(strays)} tensors belong to neither VAE, the first {strays[0]}. Expected names that begin "
            f"with {' or '.join(_PREFIXES.values())}."
        )
    return {
        direction: direction_weights(
            {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)},
            rank=rank(content, "rank_vae", source=source),
            targets=names(content, "vae_lora_target_modules", source=source),
            complete=True,
            source=source,
        )
        for direction, prefix in _PREFIXES.items()
    }
