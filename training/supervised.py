"""Trains a generator against known truth: the same view under another condition."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onestep.frame_size import FrameSize
from onestep.training.augment import random_camera, random_crops
from onestep.training.fit import FitOptions, fit
from onestep.training.generator import OneStepGenerator
from onestep.training.pixel_losses import gradient_l1, highlight_l1, pyramid_l1
from onestep.training.rendered import RenderedFrames

Log = Callable[[str], None]


def train_on_truth(
    generator: OneStepGenerator,
    prompt_embedding: Tensor,
    frames: RenderedFrames,
    *,
    target: str,
    size: FrameSize,
    batch: int,
    options: FitOptions,
    seed: int,
    log: Log,
    on_report: Callable[[int, OneStepGenerator], None] = lambda step, average: None,
) -> None:
    """Train all weights of a generator in place from day frames to `target`.

    Args:
        generator: The generator.
        prompt_embedding: `[1, T, D]`, the same for each step.
        frames: Views that are the same by day and under the target's condition.
        target: Name of the condition.
        size: Crop size in pixels.
        batch: Pictures per step.
        options: Number of steps, rates.
        seed: Seed of the data's order and augmentation.
        log: Takes a line of text now and then.
        on_report: Called with the step and the averaged generator when a line is logged.
    """
    rng = np.random.default_rng(seed)

    def loss(step: int) -> Tensor:
        day, truth = _batch(frames, target, size, batch, rng)
        result = generator(day, prompt_embedding)
        return pyramid_l1(result, truth) + gradient_l1(result, truth) + highlight_l1(result, truth)

    generator.train().requires_grad_(True)
    _set_layout(generator, torch.channels_last)
    average = fit(generator, loss, options=options, log=log, on_report=on_report)
    generator.load_state_dict(average.state_dict())
    generator.eval()
    _set_layout(generator, torch.contiguous_format)


@torch.no_grad()
def save_samples(
    path: Path, generator: OneStepGenerator, prompt_embedding: Tensor, rows: list[list[NDArray[np.uint8]]]
) -> None:
    """Write a grid: each row holds an input, its translation, and the truth where there is one.

    Args:
        path: PNG file.
        generator: The generator.
        prompt_embedding: `[1, T, D]`.
        rows: Pictures of one size, `[H, W, 3] uint8`; the first of each row is the input.
    """
    from PIL import Image

    lines = []
    for source, *truth in rows:
        image = torch.from_numpy(np.array(source)).permute(2, 0, 1)[None].float() / 127.5 - 1.0
        result = generator(image, prompt_embedding)[0].permute(1, 2, 0)
        translated = (result * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8).numpy()
        blank = [np.zeros_like(source)] * (1 - len(truth))
        lines.append(np.concatenate([source, translated, *truth, *blank], axis=1))
    Image.fromarray(np.concatenate(lines, axis=0)).save(path)


def _set_layout(generator: OneStepGenerator, layout: torch.memory_format) -> None:
    """Order the weights of convolutions; channels last is a quarter faster on a CPU."""
    for parameter in generator.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=layout)


def _batch(
    frames: RenderedFrames, target: str, size: FrameSize, batch: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    days, truths = [], []
    for index in rng.integers(0, len(frames), batch):
        day, truth = random_crops([frames.frames["day"][index], frames.frames[target][index]], size=size, rng=rng)
        days.append(random_camera(day, rng))
        truths.append(truth)
    return torch.stack(days), torch.stack(truths)
