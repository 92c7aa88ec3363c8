"""What all rows work on: one base, one generator, the same frames, the same prompt, one device and precision."""

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor

from bench.clock import Clock
from bench.settings import Settings
from onestep.domains import embedded_generator
from onestep.errors import BackendError, GeneratorError, SettingError, UnknownNameError
from onestep.exporter.flops import flops_per_frame
from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.precision import DTYPES, generator_in
from onestep.frame_size import checked_multiple
from onestep.scenes import Scene
from onestep.training.architectures import ARCHITECTURES
from onestep.training.base import Base, load_base, random_base
from onestep.training.find_base import EMBEDDED, find_base
from onestep.training.folder import PackedGenerator, load_generator
from onestep.training.generator import OneStepGenerator
from onestep.training.untrained import untrained_generator

Frame = NDArray[np.uint8]
DOMAIN, PROMPT = "day2night", "driving in the night"
_SKIPS = "skips"


@dataclass(frozen=True)
class Workload:
    """The common ground of a run."""

    settings: Settings
    packed: PackedGenerator
    frames: list[Frame]
    """As many `[H, W, 3] uint8` RGB frames in host memory as the batch has."""
    prompt: Tensor
    """`[1, T, D]` on the device: no row encodes its prompt for each frame."""
    empty_prompt: Tensor
    """The same of the empty prompt, for guidance."""
    part_flops: dict[str, int]
    """Operations of one frame of the one-step generator, by part."""
    work: Path
    """Folder for exported graphs."""

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the rows that run in PyTorch."""
        return DTYPES[self.settings.precision]

    @cached_property
    def clock(self) -> Clock:
        """The device's clock."""
        return Clock(self.settings.device)

    @cached_property
    def networks(self) -> tuple[UNet2DConditionModel, AutoencoderKL]:
        """The UNet and the VAE for the pipelines, on the device, in the run's precision."""
        parts = (self.packed.base.unet, self.packed.base.vae)
        if self.settings.precision != "fp32":
            parts = copy.deepcopy(parts)
        unet, vae = (part.to(self.settings.device, self.dtype) for part in parts)
        return unet, vae

    @cached_property
    def module(self) -> FrameToFrame:
        """The one-step generator, bytes in and bytes out, on the device, in the run's precision."""
        generator = self.packed.generator
        assert isinstance(generator, OneStepGenerator)
        if self.settings.precision != "fp32":
            generator = generator_in(self.settings.precision, generator)
        return FrameToFrame(generator, self.prompt).to(self.settings.device).eval()

    @property
    def activation_bytes(self) -> int:
        """Estimate of the working memory: four full-resolution activations of the decoder's widest block there."""
        widths = self.packed.base.vae.config.block_out_channels
        pixels = self.settings.frame_size.pixels * self.settings.batch
        return int(4 * widths[min(1, len(widths) - 1)] * pixels * self.dtype.itemsize)


def open_workload(settings: Settings, work: Path) -> Workload:
    """Load or build what all rows need.

    Raises:
        BackendError: A GPU was asked for, and there is none.
        OnestepError: The base or the size cannot be used.
    """
    check_device(settings.device)
    packed = _packed(settings)
    size = checked_multiple(settings.frame_size, packed.generator.frame_multiple, what=f"The base {packed.card.base}")
    assert isinstance(packed.generator, OneStepGenerator)
    scene = Scene.random(3)
    prompt, empty = (packed.base.prompt_embedding(text) for text in (packed.card.prompt, ""))
    dtype = DTYPES[settings.precision]
    return Workload(
        settings=settings,
        packed=packed,
        frames=[scene.at(0.5 * index, size=size).render("day") for index in range(settings.batch)],
        prompt=prompt.to(settings.device, dtype),
        empty_prompt=empty.to(settings.device, dtype),
        part_flops=flops_per_frame(packed.generator, size),
        work=work,
    )


def check_device(device: str) -> None:
    """Raise BackendError if a GPU is asked for and PyTorch has none."""
    if device == "cuda" and not torch.cuda.is_available():
        raise BackendError(
            f"--device cuda was asked for, and PyTorch {torch.__version__} finds no NVIDIA GPU here. Install a CUDA "
            "build of torch and check nvidia-smi, or leave --device out to measure the processor."
        )


def _packed(settings: Settings) -> PackedGenerator:
    if settings.random_weights:
        if settings.base not in ARCHITECTURES:
            raise UnknownNameError("base", settings.base, ARCHITECTURES)
        return _generator_on(random_base(settings.base, seed=0), settings)
    folder = embedded_generator(DOMAIN) if settings.base == EMBEDDED else find_base(settings.base)
    if settings.base == EMBEDDED and not folder.is_dir():
        raise GeneratorError(
            f"This installation has no embedded weights ({folder} is missing). Pass --random-weights: times do not "
            "depend on the values of the weights."
        )
    packed = load_generator(folder) if (folder / _SKIPS).is_dir() else _generator_on(load_base(folder), settings)
    if packed.card.stochastic:
        raise SettingError(f"{folder} is a stochastic generator; the table measures deterministic ones.")
    return packed


def _generator_on(base: Base, settings: Settings) -> PackedGenerator:
    packed = untrained_generator(base, prompt=PROMPT)
    return replace(packed, card=replace(packed.card, preferred_size=settings.frame_size))
