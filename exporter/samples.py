"""What the generator itself computes on sample frames, before its graph exists: what the proof compares with.

Rendered driving scenes stand for what the network will see, random bytes for the worst.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onestep.exporter.extra_inputs import example_values, extra_inputs
from onestep.exporter.frame_module import FrameToFrame
from onestep.frame_size import FrameSize
from onestep.scenes import Scene

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """One frame, and what the generator makes of it."""

    frame: Frame
    """`[H, W, 3] uint8`, RGB."""
    extra: list[Tensor]
    """What the generator takes beside the frame (`extra_inputs`)."""
    exact: Frame
    """The result in float32."""
    converted: Frame
    """The result in the graph's precision; for fp32 the same array."""
    nan_count: int = 0
    """Values of `converted` that were not finite before they became bytes; for fp32 those of `exact`."""


def sample_frames(size: FrameSize, count: int, *, condition: str = "day") -> Iterator[Frame]:
    """Give frames to compare on: rendered scenes, every eighth one random bytes.

    Args:
        size: Size of the frames.
        count: How many.
        condition: Of the scenes, see `onestep.scenes.CONDITIONS`: what the network will see.

    Yields:
        `[H, W, 3] uint8`, RGB; the same ones each time.
    """
    for index in range(count):
        if is_noise(index):
            yield np.random.default_rng(index).integers(0, 256, (size.height, size.width, 3), dtype=np.uint8)
        else:
            yield Scene.random(1000 + index).at(0.5 * index, size=size).render(condition)


def is_noise(index: int) -> bool:
    """Whether a sample frame is random bytes."""
    return index % 8 == 7


def exact_samples(exact: FrameToFrame, size: FrameSize, count: int, *, condition: str = "day") -> list[Sample]:
    """Translate sample frames (`sample_frames`) with the module in float32."""
    samples = []
    for index, frame in enumerate(sample_frames(size, count, condition=condition)):
        extra = example_values(extra_inputs(exact.generator, size), seed=index)
        result, nan_count = run_module(exact, frame, extra)
        samples.append(Sample(frame, extra, exact=result, converted=result, nan_count=nan_count))
    return samples


def with_converted(samples: Sequence[Sample], converted: FrameToFrame) -> list[Sample]:
    """Translate the frames of samples with the module in the graph's precision, too."""
    results = [run_module(converted, sample.frame, sample.extra) for sample in samples]
    return [
        dataclasses.replace(sample, converted=result, nan_count=nan_count)
        for sample, (result, nan_count) in zip(samples, results, strict=True)
    ]


@torch.no_grad()
def run_module(module: FrameToFrame, frame: Frame, extra: Sequence[Tensor]) -> tuple[Frame, int]:
    """Translate one frame; return it with the number of values that were not finite before they became bytes."""
    image = module.image_from_frame(torch.from_numpy(frame)[None])
    translated = module.translate(image, *extra)
    nan_count = int((~torch.isfinite(translated)).sum())
    return module.frame_from_image(translated)[0].numpy(), nan_count
