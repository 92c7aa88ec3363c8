"""A base model: the parts of a one-step text-to-image diffusion model, in diffusers' folder layout."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from onestep.errors import GeneratorError
from onestep.training.architectures import architecture
from onestep.training.byte_tokenizer import byte_tokenizer

CARD_NAME = "onestep.json"
UNKNOWN_LICENCE = "unknown (see the base's model card)"
_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Base:
    """The parts of a base model. Modules are in eval mode."""

    name: str
    licence: str
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: Any
    scheduler: DDPMScheduler

    def half(self) -> "Base":
        """Turn the networks' weights to half precision, in place, to be saved in half the space."""
        for module in (self.unet, self.vae, self.text_encoder):
            module.half()
        return self

    @torch.no_grad()
    def prompt_embedding(self, prompt: str) -> Tensor:
        """Encode a prompt.

        Args:
            prompt: Any text; what is longer than the text encoder's positions is cut off. May be empty.

        Returns:
            `[1, T, D] float32`, the text encoder's last hidden state, T its number of positions.
        """
        positions = self.text_encoder.config.max_position_embeddings
        tokens = self.tokenizer(
            prompt, padding="max_length", truncation=True, max_length=positions, return_tensors="pt"
        ).input_ids
        return cast(Tensor, self.text_encoder(tokens)[0]).float()


def random_base(name: str, *, seed: int) -> Base:
    """Build a known architecture with seeded random weights.

    Args:
        name: A name of `architectures`.
        seed: Seed of the weights. The global random state is left as it was.
    """
    parts = architecture(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(**parts.unet)
        vae = AutoencoderKL(**parts.vae)
        text_encoder = CLIPTextModel(CLIPTextConfig(**parts.text_encoder))
    return Base(
        name=name,
        licence="MIT (random weights)",
        unet=unet.eval(),
        vae=vae.eval(),
        text_encoder=text_encoder.eval(),
        tokenizer=byte_tokenizer(positions=parts.text_encoder["max_position_embeddings"]),
        scheduler=DDPMScheduler(**parts.scheduler),
    )


def save_base(base: Base, folder: Path) -> None:
    """Write a base into a folder in diffusers' layout, as safetensors, with a card that names it."""
    for part in _PARTS:
        getattr(base, part).save_pretrained(folder / part)
    card = {"format": "onestep-base", "version": 1, "name": base.name, "licence": base.licence}
    (folder / CARD_NAME).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def load_base(folder: str | Path) -> Base:
    """Load a base from a folder in diffusers' layout, in float32.

    Raises:
        GeneratorError: A part is missing or cannot be loaded; the message names it.
    """
    path = Path(folder)
    check_parts(path, _PARTS, kind="base")
    name, licence = _name_and_licence(path)
    return Base(
        name=name,
        licence=licence,
        unet=load_part(UNet2DConditionModel.from_pretrained, path / "unet").eval(),
        vae=load_part(AutoencoderKL.from_pretrained, path / "vae").eval(),
        text_encoder=load_part(CLIPTextModel.from_pretrained, path / "text_encoder").eval(),
        tokenizer=load_part(CLIPTokenizer.from_pretrained, path / "tokenizer", dtype=None),
        scheduler=load_part(DDPMScheduler.from_pretrained, path / "scheduler", dtype=None),
    )


def check_parts(path: Path, parts: tuple[str, ...], *, kind: str) -> None:
    """Raise GeneratorError unless `path` is a folder with all of the named sub-folders."""
    if not path.is_dir():
        raise GeneratorError(f"{path} is not a folder. A {kind} is a folder with {', '.join(parts)} in it.")
    missing = [part for part in parts if not (path / part).is_dir()]
    if missing:
        raise GeneratorError(
            f"{path} lacks {', '.join(missing)}, so it is no {kind}. Expected diffusers' layout: {', '.join(parts)}."
        )


def load_part(load: Callable[..., _T], path: Path, *, dtype: torch.dtype | None = torch.float32) -> _T:
    """Load one part with its class's own `from_pretrained`, from disk only.

    Raises:
        GeneratorError: The library could not load it; the message holds the library's reason.
    """
    kind = {} if dtype is None else {"torch_dtype" if "diffusers" in load.__module__ else "dtype": dtype}
    try:
        return load(str(path), local_files_only=True, **kind)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as err:
        raise GeneratorError(f"{path} could not be loaded: {err}") from err


def _name_and_licence(path: Path) -> tuple[str, str]:
    card = path / CARD_NAME
    if not card.is_file():
        return path.resolve().name, UNKNOWN_LICENCE
    content = json.loads(card.read_text(encoding="utf-8"))
    if "name" in content:
        return str(content["name"]), str(content.get("licence", UNKNOWN_LICENCE))
    return str(content["base"]), str(content["base_licence"])
