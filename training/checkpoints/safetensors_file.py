"""This project's own checkpoint: one safetensors file, everything that is no tensor in its metadata. Never a pickle.

Tensors are named by part: `unet.`, and `a2b.vae.`, `a2b.skips.` and so on for each direction; then
`<module>.lora_A.weight` and `<module>.lora_B.weight`, or the name of a whole tensor (`unet.conv_in.weight`). A whole
tensor that counts in the measure of the strength has `at_strength.` after the part. The metadata:

    format      onestep-checkpoint
    version     1
    checkpoint  JSON: kind, base and hash, licence, size of the pictures if they had one, directions with prompts; each
                part's rank, alpha, targets, complete
    sha256      of that JSON and all tensors, their names and shapes included
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from onestep.atomic import whole_file
from onestep.errors import CheckpointError, OutputError
from onestep.training.checkpoints.checkpoint import (
    DIRECTIONS,
    KINDS,
    Checkpoint,
    DirectionWeights,
    PartWeights,
)
from onestep.training.checkpoints.peft_names import split_state

SUFFIX = ".safetensors"
_FORMAT, _VERSION = "onestep-checkpoint", "1"
_AT_STRENGTH = "at_strength."
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError)


def save_checkpoint(checkpoint: Checkpoint, path: Path, *, overwrite: bool = False) -> None:
    """Write a checkpoint; the file appears whole or not at all.

    Args:
        checkpoint: What to write; its `path` and `sha256` become those of the new file.
        path: Where to.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        OutputError: `path` exists, has another ending than `.safetensors`, or cannot be written.
    """
    if path.suffix.lower() != SUFFIX:
        raise OutputError(f"{path}: a checkpoint is written as {SUFFIX}. Give the file that ending with -o.")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already. Remove it, choose another place with -o, or pass --overwrite.")
    tensors = {name: tensor.contiguous() for name, tensor in _tensors(checkpoint).items()}
    description = json.dumps(_description(checkpoint), ensure_ascii=False)
    sha256 = _content_sha256(description, tensors)
    metadata = {"format": _FORMAT, "version": _VERSION, "checkpoint": description, "sha256": sha256}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            save_file(tensors, str(partial), metadata=metadata)
    except (OSError, SafetensorError) as err:
        raise OutputError(f"Writing {path} failed: {err}. Nothing was left behind.") from err


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint that `save_checkpoint` wrote.

    Raises:
        CheckpointError: The file is damaged, was not written by this project, or by a version that is too new.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except (SafetensorError, OSError) as err:
        raise CheckpointError(f"{path} is damaged or no safetensors file ({err}). Get the file again.") from err
    if (metadata.get("format"), metadata.get("version")) != (_FORMAT, _VERSION):
        raise CheckpointError(
            f"{path} has format {metadata.get('format')!r} version {metadata.get('version')!r}; expected {_FORMAT!r} "
            f"version {_VERSION!r}. Make it with `onestep train` or `onestep import` of this version."
        )
    description = metadata.get("checkpoint", "")
    sha256 = _content_sha256(description, tensors)
    if sha256 != metadata.get("sha256"):
        raise CheckpointError(
            f"{path} is damaged: its content has SHA-256 {sha256[:12]}…, and it says "
            f"{str(metadata.get('sha256'))[:12]}…. Get the file again."
        )
    try:
        return _checkpoint(json.loads(description), tensors, path, sha256)
    except _DAMAGED as err:
        if isinstance(err, CheckpointError):
            raise
        raise CheckpointError(f"{path}: its description is damaged ({type(err).__name__}: {err}).") from err


def _parts(checkpoint: Checkpoint) -> dict[str, PartWeights]:
    parts = {"unet": checkpoint.unet}
    for direction, weights in checkpoint.directions.items():
        parts |= {f"{direction}.vae": weights.vae, f"{direction}.skips": weights.skips}
    return parts


def _tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    tensors = {}
    for prefix, part in _parts(checkpoint).items():
        for module, pair in part.pairs.items():
            tensors[f"{prefix}.{module}.lora_A.weight"] = pair.down
            tensors[f"{prefix}.{module}.lora_B.weight"] = pair.up
        tensors |= {f"{prefix}.{name}": tensor for name, tensor in part.full.items()}
        tensors |= {f"{prefix}.{_AT_STRENGTH}{name}": tensor for name, tensor in part.full_at_strength.items()}
    return tensors


def _description(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "kind": checkpoint.kind,
        "base": checkpoint.base,
        "base_sha256": checkpoint.base_sha256,
        "licence": checkpoint.licence,
        "preferred_size": checkpoint.preferred_size,
        "prompts": {direction: weights.prompt for direction, weights in checkpoint.directions.items()},
        "parts": {
            prefix: {"rank": part.rank, "alpha": part.alpha, "targets": part.targets, "complete": part.complete}
            for prefix, part in _parts(checkpoint).items()
        },
    }


def _checkpoint(description: dict[str, Any], tensors: Mapping[str, Tensor], path: Path, sha256: str) -> Checkpoint:
    kind, prompts = description["kind"], description["prompts"]
    if kind not in KINDS or not prompts or not set(prompts) <= set(DIRECTIONS):
        raise CheckpointError(f"{path} is of kind {kind!r} with directions {list(prompts)}, which do not exist.")
    parts = {
        prefix: _part(about, _under(f"{prefix}.", tensors), path) for prefix, about in description["parts"].items()
    }
    return Checkpoint(
        kind=kind,
        unet=parts["unet"],
        directions={
            direction: DirectionWeights(parts[f"{direction}.vae"], parts[f"{direction}.skips"], prompt)
            for direction, prompt in prompts.items()
        },
        path=path,
        sha256=sha256,
        licence=str(description["licence"]),
        base=description["base"],
        base_sha256=description.get("base_sha256"),
        preferred_size=_size(description.get("preferred_size")),
    )


def _size(pair: list[int] | None) -> tuple[int, int] | None:
    if pair is None:
        return None
    width, height = map(int, pair)
    return width, height


def _part(about: dict[str, Any], state: Mapping[str, Tensor], path: Path) -> PartWeights:
    pairs, full = split_state(state, source=str(path))
    return PartWeights(
        rank=int(about["rank"]),
        alpha=float(about["alpha"]),
        targets=tuple(about["targets"]),
        pairs=pairs,
        full={name: tensor for name, tensor in full.items() if not name.startswith(_AT_STRENGTH)},
        full_at_strength=_under(_AT_STRENGTH, full),
        complete=bool(about["complete"]),
    )


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _content_sha256(description: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(description.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
