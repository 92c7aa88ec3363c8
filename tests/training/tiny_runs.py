"""A run so small that a step takes a fraction of a second: random pictures of 32x32, a random tiny base, rank 2."""

import dataclasses
import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from onestep.training.base import random_base, save_base
from onestep.training.trainer.run import RunReport, train
from onestep.training.trainer.settings import PairedSettings, Settings, UnpairedSettings
from onestep.training.trainer.settings_file import default_settings, with_values

SMALL: dict[str, Any] = {
    "device": "cpu",
    "preparation": "resize_32",
    "few": "off",
    "unet_rank": 2,
    "vae_rank": 2,
    "batch_size": 2,
    "perceptual": "none",
    "discriminator": "patch",
    "learning_rate": 1e-3,
    "discriminator_learning_rate": 1e-3,
    "max_steps": 3,
    "log_every": 1,
    "save_every": 100,
    "sample_every": 0,
    "validate_every": 0,
    "tensorboard": False,
}
"""Options of such a run, less pictures and base."""


@cache
def base_folder() -> Path:
    """A random tiny base, saved once for all tests of this process."""
    folder = Path(mkdtemp(prefix="tiny-base-"))
    save_base(random_base("tiny", seed=4), folder)
    return folder


def unpaired_pictures(folder: Path, *, count: int = 3) -> Path:
    """Write bright pictures on side A and dark ones on side B, with prompts."""
    random = np.random.default_rng(3)
    for side, highest in (("A", 255), ("B", 80)):
        for split in ("train", "test"):
            (folder / f"{split}_{side}").mkdir(parents=True)
            for number in range(count):
                write_picture(folder / f"{split}_{side}" / f"{number}.png", random, highest)
        (folder / f"fixed_prompt_{side.lower()}.txt").write_text(f"side {side}\n", "utf-8")
    return folder


def paired_pictures(folder: Path, *, count: int = 3, captions: tuple[str, ...] = ("a house",)) -> Path:
    """Write pairs with captions, which repeat."""
    random = np.random.default_rng(3)
    for split in ("train", "test"):
        for side, highest in (("A", 255), ("B", 80)):
            (folder / f"{split}_{side}").mkdir(parents=True)
            for number in range(count):
                write_picture(folder / f"{split}_{side}" / f"{number}.png", random, highest)
        texts = {f"{number}.png": captions[number % len(captions)] for number in range(count)}
        (folder / f"{split}_prompts.json").write_text(json.dumps(texts), "utf-8")
    return folder


def write_picture(path: Path, random: np.random.Generator, highest: int) -> None:
    """Write smooth coloured noise of 32x32."""
    coarse = random.integers(0, highest, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((32, 32), Image.Resampling.BICUBIC).save(path)


def unpaired_settings(data: Path, **values: Any) -> UnpairedSettings:
    """The settings of a tiny unpaired run."""
    settings = default_settings("unpaired")
    assert isinstance(settings, UnpairedSettings)
    return with_values(settings, SMALL | {"data": str(data), "base": str(base_folder())} | values, source="a test")


def paired_settings(data: Path, **values: Any) -> PairedSettings:
    """The settings of a tiny paired run."""
    settings = default_settings("paired")
    assert isinstance(settings, PairedSettings)
    return with_values(settings, SMALL | {"data": str(data), "base": str(base_folder())} | values, source="a test")


def trained(settings: Settings, run: Path, **options: Any) -> RunReport:
    """Train, and return what the run left."""
    report = train(settings, run, **options)
    assert report is not None
    return report


def longer(settings: Any, steps: int) -> Any:
    """The same settings with another number of steps."""
    return dataclasses.replace(settings, optimiser=dataclasses.replace(settings.optimiser, max_steps=steps))


def state_tensors(run: Path) -> dict[str, Tensor]:
    """Every tensor of a run's last state and of its checkpoint, by a path of names."""
    newest = max((run / "last").glob("*.pt"))
    state = torch.load(newest, weights_only=True)
    found: dict[str, Tensor] = {f"checkpoint.{k}": v for k, v in load_file(run / "checkpoint.safetensors").items()}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, Tensor):
            found[path] = value
        elif isinstance(value, dict):
            for name, each in value.items():
                walk(each, f"{path}.{name}")

    walk({name: value for name, value in state.items() if name != "history"}, "state")
    return found


def assert_same(one: Path, other: Path) -> None:
    """Assert that two runs ended bit for bit the same."""
    ours, theirs = state_tensors(one), state_tensors(other)
    assert ours.keys() == theirs.keys() and len(ours) > 100
    different = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    assert not different, f"{len(different)} of {len(ours)} differ, the first {different[0]}"
