"""Test pictures in the network's size, and their translations, as bytes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from onestep.runtime.pictures import read_picture
from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.data.batches import tensor_from_picture
from onestep.training.data.preparation import Preparation
from onestep.training.objectives.objective import Translate
from onestep.training.trainer.prompts import PromptEncoder

_FEWEST = 2
_Item = TypeVar("_Item")
Picture = NDArray[np.uint8]
TranslatePicture = Callable[[Direction, Picture, str], Picture]
"""Direction, `[H, W, 3]`, prompt, to `[H, W, 3]`."""


def spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """Return at most `count` items, spread evenly over all."""
    if len(items) <= count:
        return list(items)
    return [items[index * len(items) // count] for index in range(count)]


def enough_or(test: tuple[_Item, ...], train: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """Return the test pictures, or those of the training where a distribution cannot be had from the test's."""
    return test if len(test) >= _FEWEST else train


def prepared(paths: Sequence[Path], preparation: Preparation) -> list[Picture]:
    """Read pictures and bring them to size without chance."""
    without_chance, unused = preparation.deterministic(), np.random.default_rng(0)
    return [without_chance.prepare(read_picture(path), unused) for path in paths]


def picture_translator(translate: Translate, encode: PromptEncoder, device: torch.device) -> TranslatePicture:
    """Return the generator as a function of bytes; it rounds as the exported graph does."""

    @torch.no_grad()
    def translate_picture(direction: Direction, picture: Picture, prompt: str) -> Picture:
        image = tensor_from_picture(picture)[None].to(device)
        result = translate(direction, image, encode([prompt]))[0].permute(1, 2, 0)
        levels: Picture = (result * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        return levels

    return translate_picture
