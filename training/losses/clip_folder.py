"""CLIP from a local folder in transformers' layout, and pictures in the form that it takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from onestep.errors import InputError, MissingInputError

MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
STD: Final = (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP was trained on, in [0, 1], RGB (Radford et al. 2021)."""


def clip_pixels(images: Tensor, size_px: int) -> Tensor:
    """Scale and normalise pictures as CLIP takes them.

    Args:
        images: `[B, 3, H, W]` in [-1, 1], RGB.
        size_px: Side of CLIP's square input; pictures are averaged over areas down to it, or up to it, without a crop.

    Returns:
        `[B, 3, size_px, size_px]` of mean 0 and deviation 1 over CLIP's training pictures.
    """
    squares = F.interpolate(images, (size_px, size_px), mode="area")
    mean, std = (images.new_tensor(values)[:, None, None] for values in (MEAN, STD))
    return ((squares + 1.0) / 2.0 - mean) / std


def load_clip(folder: Path, *, with_text: bool) -> Any:
    """Load a frozen CLIP in eval mode.

    Args:
        folder: Folder with `config.json` and weights, of a CLIPModel or, without text, of a CLIP vision model.
        with_text: Whether the text encoder is needed.

    Raises:
        MissingInputError: There is no such folder.
        InputError: It holds another model, or lacks a part.
    """
    kind = _architecture(folder)
    import transformers
    from safetensors import SafetensorError

    wanted = ("CLIPModel",) if with_text else ("CLIPModel", "CLIPVisionModelWithProjection", "CLIPVisionModel")
    if kind not in wanted:
        raise InputError(f"{folder} holds a {kind}, and one of these is needed: {', '.join(wanted)}.")
    try:
        model, report = getattr(transformers, kind).from_pretrained(
            folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as err:
        raise InputError(f"{folder} cannot be read as a {kind} ({err}). Copy or download the folder again.") from err
    if report["missing_keys"]:
        raise InputError(f"{folder} lacks weights of its {kind}, such as {sorted(report['missing_keys'])[0]}.")
    return model.eval().requires_grad_(False)


def _architecture(folder: Path) -> str:
    config = folder / "config.json"
    if not config.is_file():
        raise MissingInputError(
            f"There is no {config}. A CLIP folder has transformers' layout: config.json and model.safetensors."
        )
    try:
        return str(json.loads(config.read_text("utf-8"))["architectures"][0])
    except (ValueError, KeyError, IndexError, TypeError) as err:
        raise InputError(f"{config} does not name the model's class under `architectures`.") from err
