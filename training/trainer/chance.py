"""Every chance of a step as a function of the seed, the step and a picture's place, never of what came before.

So a resumed run needs no random state, and processes with half the batch draw what one with the whole batch draws.
"""

import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from onestep.training.discriminators.diff_augment import NUMBERS_PER_PICTURE


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch's global random state for a step, for whatever draws from it."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0]))


@dataclass(frozen=True)
class StepChance:
    """The random numbers for the augmentation of one step's pictures on one process.

    Attributes:
        seed: Of the run.
        step: Number of the step, from 0.
        first: Place of the process's first picture in the global batch.
        count: Pictures of the process.
    """

    seed: int
    step: int
    first: int
    count: int

    def __call__(self, name: str) -> Tensor:
        """Return `[count, 7] float32` in [0, 1), on the CPU; another name gives other numbers."""
        stream = zlib.crc32(name.encode())
        places = range(self.first, self.first + self.count)
        rows = [
            np.random.default_rng([self.seed, self.step, place, stream]).random(NUMBERS_PER_PICTURE, dtype=np.float32)
            for place in places
        ]
        return torch.from_numpy(np.stack(rows))
