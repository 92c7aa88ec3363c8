"""A base model: the parts of a one-step text-to-image diffusion model, in diffusers' folder layout."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from onestep.errors import GeneratorError
from onestep.training.architectures import architecture
from onestep.training.byte_tokenizer import byte_tokenizer
from onestep.training.card_file import read_object
from onestep.training.card_name import BASE_FORMAT, CARD_NAME
from onestep.training.part_files import (
    check_parts,
    check_text_encoder,
    check_tokenizer,
    load_network,
    load_part,
    told_if_unwritten,
)

UNKNOWN_LICENCE = "unknown (see the base's model card)"
SD_TURBO_LICENCE = "Stability AI's SD-Turbo licence (see the model card of stabilityai/sd-turbo)"
_LICENCES = {"sd-turbo": SD_TURBO_LICENCE}
_CLIP_BY_DEFAULT = (
    *("DDPMScheduler", "DDPMParallelScheduler"),
    *("DDIMScheduler", "DDIMParallelScheduler", "DDIMInverseScheduler"),
)
"""Classes of schedulers that clip where their file does not say."""
_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_HUB_FOLDER_PREFIX = "models--"
_USUAL_LATENTS = 64
OnPart = Callable[[str], None]
"""Called with a part's name when work on it begins."""


def _ignore(part: str) -> None:
    """Take no notice of a part."""


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

    @property
    def preferred_size(self) -> tuple[int, int]:
        """Width and height in pixels of the pictures that it was made for; 64 latents each way if it does not say."""
        said = self.unet.config.sample_size or _USUAL_LATENTS
        rows, columns = (said, said) if isinstance(said, int) else said
        pixels_per_latent = 2 ** (len(self.vae.config.block_out_channels) - 1)
        return columns * pixels_per_latent, rows * pixels_per_latent

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """UNet, VAE and text encoder."""
        return self.unet, self.vae, self.text_encoder

    @property
    def weight_bytes(self) -> int:
        """Room that the networks' weights take, on disk as in memory."""
        weights = (weight for network in self.networks for weight in network.parameters())
        return sum(weight.numel() * weight.element_size() for weight in weights)

    def half(self) -> "Base":
        """Turn the networks' weights to half precision, in place, to be saved in half the space."""
        for network in self.networks:
            network.half()
        return self

    @torch.no_grad()
    def prompt_embedding(self, prompt: str) -> Tensor:
        """Encode a prompt.

        Args:
            prompt: Any text; what is longer than the tokenizer and the text encoder take is cut off. May be empty.

        Returns:
            `[1, T, D] float32`, the text encoder's last hidden state, T the number of positions.

        Raises:
            GeneratorError: The tokenizer knows words that the text encoder does not.
        """
        positions = min(self.text_encoder.config.max_position_embeddings, self.tokenizer.model_max_length)
        tokens = self.tokenizer(
            prompt, padding="max_length", truncation=True, max_length=positions, return_tensors="pt"
        ).input_ids
        known = self.text_encoder.config.vocab_size
        if int(tokens.max()) >= known:
            raise GeneratorError(
                f"The tokenizer of the base {self.name} has a token {int(tokens.max())}, and its text encoder knows "
                f"{known}. They are of two bases: get the folder again."
            )
        return cast(Tensor, self.text_encoder(tokens)[0]).float()


def random_base(name: str, *, seed: int, on_part: OnPart = _ignore) -> Base:
    """Build a known architecture with seeded random weights.

    Its tokenizer is the byte tokenizer, whose ids every text encoder of these architectures takes.

    Args:
        name: A name of `architectures`.
        seed: Seed of the weights. The global random state is left as it was.
        on_part: Called when the building of a network begins.
    """
    parts = architecture(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        on_part("unet")
        unet = UNet2DConditionModel(**parts.unet)
        on_part("vae")
        vae = AutoencoderKL(**parts.vae)
        on_part("text_encoder")
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


def save_base(base: Base, folder: Path, *, on_part: OnPart = _ignore) -> None:
    """Write a base into a folder in diffusers' layout, as safetensors, with a card that names it.

    Raises:
        OutputError: The weights cannot be written, as where the disk is full.
    """
    with told_if_unwritten(folder):
        for part in _PARTS:
            on_part(part)
            getattr(base, part).save_pretrained(folder / part)
    card = {"format": BASE_FORMAT, "version": 1, "name": base.name, "licence": base.licence}
    (folder / CARD_NAME).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def load_base(folder: str | Path) -> Base:
    """Load a base from a folder in diffusers' layout, in float32.

    Published folders load as they are: half-precision variants, a tokenizer as vocabulary and merges, and SD-Turbo's
    scheduler configuration, which names another class of the same schedule.

    Raises:
        GeneratorError: A part is missing, of an unsupported class, or cannot be loaded; the message names it.
    """
    path = Path(folder)
    check_parts(path, _PARTS, kind="base")
    check_text_encoder(path / "text_encoder")
    check_tokenizer(path / "tokenizer")
    name, licence = _name_and_licence(path)
    base = Base(
        name=name,
        licence=licence,
        unet=load_network(UNet2DConditionModel.from_pretrained, path / "unet").eval(),
        vae=load_network(AutoencoderKL.from_pretrained, path / "vae").eval(),
        text_encoder=load_network(CLIPTextModel.from_pretrained, path / "text_encoder").eval(),
        tokenizer=load_part(CLIPTokenizer.from_pretrained, path / "tokenizer"),
        scheduler=_scheduler(path / "scheduler"),
    )
    _check_text(base, path)
    return base


def _scheduler(path: Path) -> DDPMScheduler:
    """Load the schedule, whichever class of scheduler its file names.

    Most others have no `clip_sample`, and do not clip; DDPM's default, where the file does not say, is to do so.
    """
    scheduler: DDPMScheduler = load_part(DDPMScheduler.from_pretrained, path)
    written = json.loads((path / "scheduler_config.json").read_text(encoding="utf-8"))
    if written.get("_class_name") not in _CLIP_BY_DEFAULT and "clip_sample" not in written:
        scheduler.register_to_config(clip_sample=False)
    return scheduler


def _check_text(base: Base, path: Path) -> None:
    """Raise GeneratorError unless text encoder and UNet go together."""
    width, expected = base.text_encoder.config.hidden_size, base.unet.config.cross_attention_dim
    if width != expected:
        raise GeneratorError(
            f"The text encoder of {path} makes embeddings that are {width} wide, and its UNet takes {expected}. They "
            "are of two bases: get the folder again."
        )


def _name_and_licence(path: Path) -> tuple[str, str]:
    card = path / CARD_NAME
    if not card.is_file():
        name = _folder_name(path.resolve())
        return name, _LICENCES.get(name, UNKNOWN_LICENCE)
    content = read_object(card, advice="It says which base the folder is, and its licence: get the folder again.")
    if "name" in content:
        return str(content["name"]), str(content.get("licence", UNKNOWN_LICENCE))
    if "base" in content and "base_licence" in content:
        return str(content["base"]), str(content["base_licence"])
    raise GeneratorError(f"{card} names no base: expected name, or base and base_licence. Get the folder again.")


def _folder_name(path: Path) -> str:
    """Return a folder's name; in the hub's cache, `models--OWNER--NAME/snapshots/HASH`, that is NAME."""
    repository = path.parent.parent.name
    if path.parent.name == "snapshots" and repository.startswith(_HUB_FOLDER_PREFIX):
        return repository.rsplit("--", 1)[-1]
    return path.name
