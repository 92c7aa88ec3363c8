"""Batches of pictures as pure functions of the step.

A batch depends on the folder, the preparation, the seed, the step and the place of each picture in the global batch, on
nothing else. So a training resumes with the number of its step alone, threads may read ahead in any order, and two
processes with half the batch see exactly the pictures of one process with the whole batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onestep.errors import InputError, SettingError
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import read_picture
from onestep.training.data.few import FewPictures
from onestep.training.data.folders import Pair, PairedFolder, UnpairedFolder
from onestep.training.data.preparation import Preparation

_ORDER_OF_A, _ORDER_OF_B, _CHANCE_OF_A, _CHANCE_OF_B = range(4)  # keep the random streams apart


@dataclass(frozen=True)
class UnpairedBatch:
    """Pictures of both domains, `[B, 3, H, W] float32` in [-1, 1], RGB; `a[i]` and `b[i]` have nothing in common."""

    a: Tensor
    b: Tensor


@dataclass(frozen=True)
class PairedBatch:
    """Pairs, `[B, 3, H, W] float32` in [-1, 1], RGB, and the caption of each target."""

    source: Tensor
    target: Tensor
    captions: tuple[str, ...]


@dataclass(frozen=True)
class UnpairedBatches:
    """Batches of two domains; each side goes through all its pictures in a new random order each time.

    Attributes:
        folder: The pictures.
        preparation: Brings them to size.
        batch_size: Pictures of each domain in the batch of one process.
        seed: Seed of order and augmentation.
        few: Stronger augmentation, or None.
    """

    folder: UnpairedFolder
    preparation: Preparation
    batch_size: int
    seed: int
    few: FewPictures | None = None

    def __post_init__(self) -> None:
        _check(self.batch_size, self.seed)

    def at(self, step: int, rank: int = 0, world: int = 1) -> UnpairedBatch:
        """Return the batch of a step for one process.

        Args:
            step: Number of the step, from 0.
            rank: Number of the process, from 0.
            world: Number of processes.

        Raises:
            InputError: A picture cannot be read or is below the crop; the message names it.
        """
        places = _places(self.batch_size, step, rank, world)
        a = [self._picture(self.folder.train_a, _ORDER_OF_A, _CHANCE_OF_A, step, *place) for place in places]
        b = [self._picture(self.folder.train_b, _ORDER_OF_B, _CHANCE_OF_B, step, *place) for place in places]
        return UnpairedBatch(a=_stacked(a), b=_stacked(b))

    def _picture(
        self, side: Sequence[Path], order: int, chance: int, step: int, position: int, number: int
    ) -> tuple[Path, NDArray[np.uint8]]:
        path = side[_shuffled_index(self.seed, order, len(side), number)]
        picture = _read(path, self.preparation)
        rng = np.random.default_rng([self.seed, step, position, chance])
        if self.few is None:
            return path, self.preparation.prepare(picture, rng)
        prepared = self.preparation.prepare(self.few.reshape(picture, rng), rng)
        return path, self.few.recolour(prepared, rng)


@dataclass(frozen=True)
class PairedBatches:
    """Batches of pairs; fields as in `UnpairedBatches`.

    Both pictures of a pair get the same geometry. Stronger augmentation changes the colour of the source alone: the
    target is the truth.
    """

    folder: PairedFolder
    preparation: Preparation
    batch_size: int
    seed: int
    few: FewPictures | None = None

    def __post_init__(self) -> None:
        _check(self.batch_size, self.seed)

    def at(self, step: int, rank: int = 0, world: int = 1) -> PairedBatch:
        """Return the batch of a step for one process; arguments and errors as in `UnpairedBatches.at`."""
        pairs = self.folder.train
        chosen = []
        for position, number in _places(self.batch_size, step, rank, world):
            pair = pairs[_shuffled_index(self.seed, _ORDER_OF_A, len(pairs), number)]
            chosen.append((pair, *self._pictures(pair, [self.seed, step, position])))
        return PairedBatch(
            source=_stacked([(pair.source, source) for pair, source, _ in chosen]),
            target=_stacked([(pair.target, target) for pair, _, target in chosen]),
            captions=tuple(pair.caption for pair, _, _ in chosen),
        )

    def _pictures(self, pair: Pair, seeds: list[int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        source, target = (_read(path, self.preparation) for path in (pair.source, pair.target))
        sizes = (FrameSize(picture.shape[1], picture.shape[0]) for picture in (source, target))
        self.preparation.check_pair(*sizes, of=f"{pair.source} and {pair.target}")
        source, target = (self._prepared(picture, np.random.default_rng(seeds)) for picture in (source, target))
        if self.few is not None:
            source = self.few.recolour(source, np.random.default_rng([*seeds, _CHANCE_OF_B]))
        return source, target

    def _prepared(self, picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        if self.few is not None:
            picture = self.few.reshape(picture, rng)
        return self.preparation.prepare(picture, rng)


def tensor_from_picture(picture: NDArray[np.uint8]) -> Tensor:
    """Turn `[H, W, 3] uint8` into `[3, H, W] float32` in [-1, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 127.5 - 1.0


def _check(batch_size: int, seed: int) -> None:
    if batch_size < 1:
        raise SettingError(f"The batch size must be 1 or more, got {batch_size}.")
    if seed < 0:
        raise SettingError(f"The seed must be 0 or more, got {seed}.")


def _places(batch_size: int, step: int, rank: int, world: int) -> list[tuple[int, int]]:
    """Return for each picture its position in the global batch and its number since the first step."""
    if not 0 <= rank < world or step < 0:
        raise ValueError(f"step {step} of process {rank} of {world}")
    positions = range(rank * batch_size, (rank + 1) * batch_size)
    return [(position, step * world * batch_size + position) for position in positions]


def _shuffled_index(seed: int, order: int, count: int, number: int) -> int:
    turn, place = divmod(number, count)
    return int(_permutation(seed, order, count, turn)[place])


@lru_cache(maxsize=16)
def _permutation(seed: int, order: int, count: int, turn: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, order, turn]).permutation(count)


def _read(path: Path, preparation: Preparation) -> NDArray[np.uint8]:
    picture = read_picture(path)
    preparation.check_size(FrameSize(picture.shape[1], picture.shape[0]), of=path)
    return picture


def _stacked(pictures: Sequence[tuple[Path, NDArray[np.uint8]]]) -> Tensor:
    (first_path, first), *others = pictures
    for path, picture in others:
        if picture.shape != first.shape:
            sizes = [
                f"{place} is {array.shape[1]}x{array.shape[0]}"
                for place, array in ((first_path, first), (path, picture))
            ]
            raise InputError(
                f"Pictures of one batch differ in size: {sizes[0]}, {sizes[1]}. Choose a preparation that brings them "
                "to one size, such as resize_256, or train with a batch size of 1."
            )
    return torch.stack([tensor_from_picture(picture) for _, picture in pictures])
