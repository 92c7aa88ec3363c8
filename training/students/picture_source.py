"""Batches of single pictures: no truth is known, and motion is a shift of the window."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onestep.frame_size import FrameSize
from onestep.training.augment import DAY_MIDDLE
from onestep.training.students.batch import Batch
from onestep.training.students.degrade import maybe_another_camera, random_degradation
from onestep.training.students.windows import Window
from onestep.training.students.windscreen import maybe_windscreen

LONGEST_SHIFT_PX = 12
"""Between the two windows of a pair, in pixels of the picture."""


@dataclass(frozen=True)
class PictureSource:
    """Draws pairs of windows of the same picture, a few pixels apart, with what the teacher made of them."""

    pictures: NDArray[np.uint8]
    """`[N, H, W, 3]`, RGB."""
    translated: NDArray[np.uint8]
    """The teacher's, of the same shape."""
    size: FrameSize
    pairs_per_batch: int
    scales: tuple[float, float] = (1.0, 1.3)
    """Smallest and largest window as multiples of `size`, as far as the picture goes."""
    middle: float = DAY_MIDDLE
    """Brightness, of a range of 1, that such pictures have."""

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw pairs: all first windows, then all second ones."""
        pairs = [self._pair(int(index), rng) for index in rng.integers(0, len(self.pictures), self.pairs_per_batch)]
        windows = [windows for windows, _ in pairs]
        ordered = [pair[half] for half in (0, 1) for pair in windows]
        images, teachers, corners = (torch.stack(part) for part in zip(*ordered, strict=True))
        return Batch(images, None, teachers, torch.stack([flow for _, flow in pairs]), corners)

    def _pair(self, index: int, rng: np.random.Generator) -> tuple[list[tuple[Tensor, Tensor, Tensor]], Tensor]:
        picture, teacher = self.pictures[index], self.translated[index]
        height, width = picture.shape[:2]
        whole = FrameSize(width, height)
        first = Window.random(whole, self.size, rng, scales=self.scales)
        down, right = (int(shift) for shift in rng.integers(-LONGEST_SHIFT_PX, LONGEST_SHIFT_PX + 1, 2))
        second = replace(
            first,
            top=min(max(first.top + down, 0), height - first.rows),
            left=min(max(first.left + right, 0), width - first.columns),
        )
        camera_seed = int(rng.integers(2**32))
        pair = []
        for window in (first, second):
            mirrored = maybe_windscreen(window.image(picture), camera_seed, middle=self.middle)
            seen = maybe_another_camera(mirrored, camera_seed, middle=self.middle)
            pair.append((random_degradation(seen, rng), window.image(teacher), window.corners(whole)))
        shift = np.empty((height, width, 2), np.float16)
        shift[...] = second.left - first.left, second.top - first.top
        return pair, second.flow(shift)
