"""pix2pix-turbo's checkpoints (`save_model` of `src/pix2pix_turbo.py` of GaParmar/img2img-turbo).

One adapter per network, alpha 8 whatever the rank. The UNet's table holds its trained `conv_in` too, the VAE's holds
the skip convolutions. In the stochastic sketch model `conv_in` is a twin: a frozen and a trained convolution, blended.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from onestep.errors import CheckpointError
from onestep.training.checkpoints.checkpoint import Checkpoint, Kind, PartWeights
from onestep.training.checkpoints.peft_names import split_state
from onestep.training.checkpoints.published import FIXED_ALPHA, direction_weights, names, rank, table_of_tensors

_FROZEN_TWIN, _TRAINED_TWIN = "conv_in.conv_in_pretrained.", "conv_in.conv_in_curr."
_TRAINED_LAYER = ("conv_in.weight", "conv_in.bias")

KEYS = (
    "state_dict_unet",
    "state_dict_vae",
    "rank_unet",
    "rank_vae",
    "unet_lora_target_modules",
    "vae_lora_target_modules",
)
"""What a file of this format holds at least."""


def paired_checkpoint(content: Mapping[str, Any], *, path: Path, sha256: str) -> Checkpoint:
    """Build a checkpoint from a paired file's table; its kind is stochastic if `conv_in` is a twin.

    Args:
        content: The table, with all of `KEYS`.
        path: Of the file.
        sha256: Of the file.

    Raises:
        CheckpointError: An entry is not what it should be, or the trained first layer is missing.
    """
    source = str(path)
    pairs, full = split_state(table_of_tensors(content, "state_dict_unet", source=source), source=source)
    twin = _renamed(full, _TRAINED_TWIN)
    kind: Kind = "stochastic" if twin else "paired"
    unet = PartWeights(
        rank=rank(content, "rank_unet", source=source),
        alpha=FIXED_ALPHA,
        targets=names(content, "unet_lora_target_modules", source=source),
        pairs=pairs,
        full=_without(full, _TRAINED_TWIN, _FROZEN_TWIN) | _renamed(full, _FROZEN_TWIN),
        full_at_strength=twin,
    )
    lacking = [name for name in _TRAINED_LAYER if name not in unet.full]
    if lacking:
        raise CheckpointError(
            f"{path} lacks {' and '.join(lacking)} of the UNet, which a pix2pix-turbo file holds, trained: with the "
            "base's instead, its pictures would be wrong. Get the file again."
        )
    direction = direction_weights(
        table_of_tensors(content, "state_dict_vae", source=source),
        rank=rank(content, "rank_vae", source=source),
        targets=names(content, "vae_lora_target_modules", source=source),
        complete=False,
        source=source,
    )
    return Checkpoint(kind=kind, unet=unet, directions={"paired": direction}, path=path, sha256=sha256)


def _renamed(full: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return a twin's tensors under the plain names of `conv_in`."""
    return {f"conv_in.{name.removeprefix(prefix)}": t for name, t in full.items() if name.startswith(prefix)}


def _without(full: Mapping[str, Tensor], *prefixes: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in full.items() if not name.startswith(prefixes)}
