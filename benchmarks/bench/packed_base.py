"""The base that a run measures: the embedded one, a folder's, or an architecture with random weights."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from bench.memory import check_room, module_bytes
from bench.settings import Settings
from onestep.domains import embedded_generator
from onestep.errors import BackendError, GeneratorError, SettingError
from onestep.exporter.room import weight_count
from onestep.training.architectures import ARCHITECTURES
from onestep.training.base import UNKNOWN_LICENCE, Base, load_base, random_base
from onestep.training.byte_tokenizer import byte_tokenizer
from onestep.training.find_base import EMBEDDED, find_base
from onestep.training.folder import PackedGenerator, load_generator
from onestep.training.part_files import check_parts, load_part
from onestep.training.untrained import untrained_generator

DOMAIN, PROMPT = "day2night", "driving in the night"
_SKIPS = "skips"
_PARTS = ("unet", "vae", "text_encoder", "scheduler")
_DIFFUSERS = {"unet": UNet2DConditionModel, "vae": AutoencoderKL}
_FLOAT_BYTES = 4


def packed_base(settings: Settings) -> PackedGenerator:
    """Load or build the generator of a run, on the processor in float32, if there is memory for it.

    Raises:
        BackendError: There is not enough memory.
        OnestepError: The base cannot be used.
    """
    if settings.random_weights:
        build = _random_builder(settings.base)
        with torch.device("meta"):
            shape = build()
        _check_room(settings, sum(module_bytes(part) for part in (shape.unet, shape.vae, shape.text_encoder)))
        return _generator_on(build(), settings)
    folder = embedded_generator(DOMAIN) if settings.base == EMBEDDED else find_base(settings.base)
    if settings.base == EMBEDDED and not folder.is_dir():
        raise GeneratorError(
            f"This installation has no embedded weights ({folder} is missing). Pass --random-weights: times do not "
            "depend on the values of the weights."
        )
    _check_room(settings, weights_bytes(folder))
    packed = load_generator(folder) if (folder / _SKIPS).is_dir() else _generator_on(load_base(folder), settings)
    if packed.card.stochastic:
        raise SettingError(f"{folder} is a stochastic generator; the table measures deterministic ones.")
    return packed


def random_base_like(folder: Path, *, seed: int) -> Base:
    """Build the architecture of a folder in diffusers' layout with seeded random weights, and a byte tokenizer.

    Args:
        folder: Only its configurations are read.
        seed: Seed of the weights. The global random state is left as it was.

    Raises:
        GeneratorError: A part is missing or its configuration cannot be read.
    """
    check_parts(folder, _PARTS, kind="base")
    networks = {name: load_part(kind.load_config, folder / name) for name, kind in _DIFFUSERS.items()}
    text = load_part(CLIPTextConfig.from_pretrained, folder / "text_encoder")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet, vae = (kind.from_config(networks[name]) for name, kind in _DIFFUSERS.items())
        text_encoder = CLIPTextModel(text)
    return Base(
        name=folder.resolve().name,
        licence=UNKNOWN_LICENCE,
        unet=unet.eval(),
        vae=vae.eval(),
        text_encoder=text_encoder.eval(),
        tokenizer=byte_tokenizer(positions=text.max_position_embeddings),
        scheduler=load_part(DDPMScheduler.from_pretrained, folder / "scheduler"),
    )


def weights_bytes(folder: Path) -> int:
    """Return how much memory a folder's weights take in float32, whatever type they are stored in."""
    return _FLOAT_BYTES * weight_count(folder, [path.name for path in folder.iterdir() if path.is_dir()])


def _random_builder(base: str) -> Callable[[], Base]:
    if base in ARCHITECTURES:
        return lambda: random_base(base, seed=0)
    folder = find_base(base)
    return lambda: random_base_like(folder, seed=0)


def _check_room(settings: Settings, needed_bytes: int) -> None:
    try:
        check_room(needed_bytes, limit_bytes=settings.memory_limit_bytes)
    except BackendError as err:
        raise BackendError(
            f"The base {settings.base} was not loaded: {err}. Free some memory, raise --memory-limit if you gave one, "
            "or take a smaller --base."
        ) from err


def _generator_on(base: Base, settings: Settings) -> PackedGenerator:
    packed = untrained_generator(base, prompt=PROMPT)
    return replace(packed, card=replace(packed.card, preferred_size=settings.frame_size))
