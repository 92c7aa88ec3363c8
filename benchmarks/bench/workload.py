"""What all rows work on: one base, one generator, the same frames, the same prompt, one device and precision."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor

from bench.clock import Clock
from bench.packed_base import packed_base
from bench.placed import copy_on
from bench.settings import Settings
from onestep.errors import BackendError
from onestep.exporter.flops import flops_per_frame
from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.precision import DTYPES, generator_in
from onestep.frame_size import checked_multiple
from onestep.scenes import Scene
from onestep.training.folder import PackedGenerator
from onestep.training.generator import OneStepGenerator

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Workload:
    """The common ground of a run."""

    settings: Settings
    packed: PackedGenerator
    """On the processor, in float32, and never moved: PyTorch's rows run it or copies of it."""
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
        if self.settings.precision == "fp32":
            return self.module.generator.unet, self.module.generator.vae
        base, device = self.packed.base, self.settings.device
        return copy_on(base.unet, device=device, dtype=self.dtype), copy_on(base.vae, device=device, dtype=self.dtype)

    @cached_property
    def module(self) -> FrameToFrame:
        """The one-step generator, bytes in and bytes out, on the device, in the run's precision."""
        device, generator = self.settings.device, self.packed.generator
        assert isinstance(generator, OneStepGenerator)
        if self.settings.precision != "fp32":
            generator = generator_in(self.settings.precision, generator).to(device)
        elif device != "cpu":
            generator = copy_on(generator, device=device, dtype=self.dtype)
        return FrameToFrame(generator, self.prompt).to(device).eval()

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
    packed = packed_base(settings)
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
