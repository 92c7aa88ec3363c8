"""Batches of rendered pairs: two moments of a scene, their truth, and the flow between them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onestep.frame_size import FrameSize
from onestep.scenes import ONE_CAMERA
from onestep.training.augment import middle_of
from onestep.training.students.batch import Batch
from onestep.training.students.degrade import maybe_another_camera, random_degradation
from onestep.training.students.pairs import RenderedPairs
from onestep.training.students.windows import Window
from onestep.training.students.windscreen import maybe_windscreen

_EARLIER, _LATER = 0, 1


@dataclass(frozen=True)
class RenderedSource:
    """Draws windows of rendered pairs."""

    pairs: RenderedPairs
    condition: str
    """What the student sees, such as `day`."""
    target: str
    """What it should make of it, such as `night`. Where the scene's own camera takes it, another camera that the
    student sees through takes the result, too."""
    size: FrameSize
    pairs_per_batch: int
    scales: tuple[float, float] = (1.0, 1.3)
    """Smallest and largest window as multiples of `size`, as far as the picture goes."""
    translated: NDArray[np.uint8] | None = None
    """The teacher's `[N, 2, H, W, 3]`, or None."""

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw pairs: all earlier moments, then all later ones."""
        drawn = [self._pair(int(index), rng) for index in rng.integers(0, len(self.pairs), self.pairs_per_batch)]
        ordered = [drawn_pair[moment] for moment in (_EARLIER, _LATER) for drawn_pair, _, _ in drawn]
        corners = torch.stack([each for _, _, each in drawn]).repeat(2, 1)
        image, truth, teacher = (
            torch.stack(part) if part[0] is not None else None for part in zip(*ordered, strict=True)
        )
        assert image is not None
        return Batch(image, truth, teacher, torch.stack([flow for _, flow, _ in drawn]), corners)

    def _pair(
        self, index: int, rng: np.random.Generator
    ) -> tuple[list[tuple[Tensor, Tensor, Tensor | None]], Tensor, Tensor]:
        """Return both moments, the flow between them, and where the window was cut out."""
        source, truth = self.pairs.frames[self.condition][index], self.pairs.frames[self.target][index]
        whole = FrameSize(source.shape[2], source.shape[1])
        window = Window.random(whole, self.size, rng, scales=self.scales)
        camera_seed, middle = int(rng.integers(2**32)), middle_of(self.condition)

        def wanted(picture: NDArray[np.uint8]) -> Tensor:
            image = window.image(picture)
            if self.target in ONE_CAMERA:
                return image
            return maybe_another_camera(image, camera_seed, middle=middle_of(self.target))

        moments = []
        for moment in (_EARLIER, _LATER):
            mirrored = maybe_windscreen(window.image(source[moment]), camera_seed, middle=middle)
            seen = maybe_another_camera(mirrored, camera_seed, middle=middle)
            teacher = None if self.translated is None else wanted(self.translated[index, moment])
            moments.append((random_degradation(seen, rng), wanted(truth[moment]), teacher))
        return moments, window.flow(self.pairs.flow[index]), window.corners(whole)
