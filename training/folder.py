"""The generator as a folder (contract 1): diffusers' layout plus `onestep.json`. LoRA is merged; no pickle.

A stochastic generator's low-rank branches cannot be merged: they lie beside the frozen parts, in one safetensors file.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from onestep.errors import GeneratorError
from onestep.training.base import Base, load_base, save_base
from onestep.training.branch_file import load_branches, save_branches
from onestep.training.card_file import read_card
from onestep.training.card_name import CARD_NAME, GENERATOR_FORMAT
from onestep.training.generator import GeneratorNetwork, OneStep, OneStepGenerator
from onestep.training.part_files import check_parts, load_network, told_if_unwritten
from onestep.training.stochastic import StochasticGenerator
from onestep.training.strength_layers import without_branches
from onestep.training.vae_skips import SkipConvolutions

_VERSION = 1
_AGAIN = "A generator's folder needs it: merge the checkpoint again."
_SKIPS = "skips"


@dataclass(frozen=True)
class GeneratorCard:
    """What a generator says about itself, in `onestep.json`."""

    domain: str
    direction: Literal["a2b", "b2a", "paired"]
    prompt: str
    base: str
    base_licence: str
    checkpoint_licence: str
    skip_channels: list[int]
    """Input widths of the skip convolutions, from full resolution downwards."""
    input_range: tuple[float, float]
    preferred_size: tuple[int, int]
    """Width and height in pixels that it was trained at; the base's where its checkpoint does not say."""
    stochastic: bool = False
    """Whether it takes a noise and a strength beside the image."""


@dataclass(frozen=True)
class PackedGenerator:
    """A generator with all that its folder holds."""

    generator: GeneratorNetwork
    """A `StochasticGenerator` where the card says so, else a `OneStepGenerator`."""
    card: GeneratorCard
    base: Base
    """The base's parts; `unet` and `vae` are the generator's own, adapted ones."""


def save_generator(packed: PackedGenerator, folder: Path) -> None:
    """Write a generator into a folder that exists."""
    base, skips = packed.base, packed.generator.skips
    if packed.card.stochastic:
        with told_if_unwritten(folder):
            save_branches(packed.generator, folder)
        base = dataclasses.replace(base, unet=without_branches(base.unet), vae=without_branches(base.vae))
        skips = without_branches(skips)
    save_base(base, folder)
    with told_if_unwritten(folder):
        skips.save_pretrained(folder / _SKIPS)
    card = {"format": GENERATOR_FORMAT, "version": _VERSION, **dataclasses.asdict(packed.card)}
    (folder / CARD_NAME).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_generator(folder: str | Path) -> PackedGenerator:
    """Load a generator in float32 and eval mode.

    Raises:
        GeneratorError: A part is missing, damaged, or does not fit the others.
    """
    path = Path(folder)
    check_parts(path, (_SKIPS,), kind="generator")
    card = read_card(path / CARD_NAME, GeneratorCard, of_format=GENERATOR_FORMAT, version=_VERSION, advice=_AGAIN)
    base = load_base(path)
    skips = load_network(SkipConvolutions.from_pretrained, path / _SKIPS)
    if list(skips.config["in_channels"]) != list(card.skip_channels):
        raise GeneratorError(
            f"{path / CARD_NAME} says skip widths {card.skip_channels}, {path / _SKIPS} has "
            f"{list(skips.config['in_channels'])}. The folder was put together from two generators: merge again."
        )
    kind = StochasticGenerator if card.stochastic else OneStepGenerator
    generator = kind(
        vae=base.vae,
        unet=base.unet,
        skips=skips,
        step=OneStep.from_scheduler(base.scheduler),
        input_range=card.input_range,
    )
    if card.stochastic:
        load_branches(generator, path)
    return PackedGenerator(generator.eval().requires_grad_(False), card, base)
