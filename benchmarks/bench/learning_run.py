"""The project's own training for a budget of steps or wall time, and what comes out of it as a translator."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.learning_budget import Budget, spent_seconds
from bench.learning_data import DataPlan, Kind
from onestep.errors import TrainingError
from onestep.frame_size import FrameSize
from onestep.training.base import load_base
from onestep.training.checkpoints.merge import merged_generator
from onestep.training.checkpoints.read import read_checkpoint
from onestep.training.find_base import find_base
from onestep.training.trainer.pictures import picture_translator
from onestep.training.trainer.prompts import PromptEncoder
from onestep.training.trainer.resume import check_same_settings
from onestep.training.trainer.run import train
from onestep.training.trainer.run_folder import RunFolder
from onestep.training.trainer.settings import Settings
from onestep.training.trainer.settings_file import default_settings, kind_of, read_values, with_values
from onestep.training.trainer.state_file import saved_steps

Picture = NDArray[np.uint8]

_LARGEST_CROP_PX = 128
_COMMON: Final[Mapping[str, Any]] = {
    "batch_size": 2,
    "perceptual": "st-lpips-alex",
    "discriminator": "patch",
    "augment": False,  # DiffAugment changes brightness, which is what tells night from day
    "learning_rate": 1e-3,
    "discriminator_learning_rate": 1e-4,
    "warmup_steps": 50,
    "ema_decay": 0.995,
    "few": "off",
    "device": "cpu",
    "save_every": 100,
    "sample_every": 100,
    "validate_every": 200,
    "tensorboard": False,
}
_OF_KIND: Final[Mapping[Kind, Mapping[str, Any]]] = {
    "unpaired": {"gan_weight": 0.15, "cycle_perceptual_weight": 5.0},
    "paired": {"unet_rank": 32, "gan_weight": 0.05, "l2_weight": 10.0, "perceptual_weight": 1.0},
}
"""For an hour from the tiny base; with a full-size base and a GPU the trainer's own defaults are the ones to try."""


@dataclass(frozen=True)
class Trained:
    """A run that has ended."""

    folder: RunFolder
    settings: Settings
    steps: int
    seconds: float
    """All of it: opening, validation, samples and saving too."""

    @property
    def kind(self) -> Kind:
        """Of the run."""
        return kind_of(self.settings)


def learning_settings(plan: DataPlan, data: Path, *, base: str, steps: int, config: Path | None) -> Settings:
    """Return the benchmark's settings with those of a TOML file put over them; pictures, base and steps are given.

    Raises:
        OnestepError: The file cannot be read, or has an unknown key or a bad value.
    """
    settings = default_settings(plan.kind)
    crop = FrameSize(min(plan.size.width, _LARGEST_CROP_PX), min(plan.size.height, _LARGEST_CROP_PX))
    preparation = f"resize_{plan.size}_randomcrop_{crop}_hflip"
    own = {**_COMMON, **_OF_KIND[plan.kind], "preparation": preparation, "seed": plan.seed}
    settings = with_values(settings, own, source="the benchmark")
    if config is not None:
        settings = with_values(settings, read_values(config, plan.kind), source=str(config))
    fixed = {"data": str(data.absolute()), "base": base, "max_steps": steps, "validation_count": plan.test_views}
    return with_values(settings, fixed, source="the benchmark")


def trained_for(settings: Settings, folder: Path, *, seconds: float) -> Trained:
    """Train until the steps are done or the time is over, whichever is first; go on with a run that is there.

    What was spent is in `FOLDER.json`, so that a run that was stopped or killed spends the rest. When the time is over,
    the run saves and ends as after Ctrl-C, and its last step is then validated outside the budget.

    Args:
        settings: Of the run; `max_steps` is one of the two limits.
        folder: Of the run.
        seconds: The other limit.

    Raises:
        TrainingError: The time was over before anything was trained.
        OnestepError: What `onestep.training.trainer.run.train` raises.
        KeyboardInterrupt: The user stopped it; the state was saved.
    """
    run, spent = RunFolder(folder), folder.with_name(f"{folder.name}.json")
    if run.settings.exists():
        _check_settings(run, settings)
    if spent_seconds(spent) < seconds and _last_step(run) < settings.optimiser.max_steps:
        _train_within(settings, run, spent, seconds)
    steps = _last_step(run)
    if steps == 0:
        raise TrainingError(
            f"{seconds:.0f} s were over before the first step of {folder} was saved. Give more --minutes."
        )
    if steps < settings.optimiser.max_steps:
        train(replace(settings, optimiser=replace(settings.optimiser, max_steps=steps)), folder, resume=True)
    return Trained(run, settings, steps, spent_seconds(spent))


def generator_translator(run: RunFolder, *, base: str, kind: Kind) -> Callable[[Picture], Picture]:
    """Merge a run's checkpoint, the moving average of its weights, into the base; return it as a function of bytes."""
    checkpoint = read_checkpoint(run.checkpoint)
    direction = checkpoint.chosen_direction("a2b" if kind == "unpaired" else None)
    packed = merged_generator(load_base(find_base(base)), checkpoint, direction=direction)
    device = next(packed.generator.parameters()).device
    encode = PromptEncoder(packed.base, device)
    translate = picture_translator(lambda _, image, prompt: packed.generator(image, prompt), encode, device)
    return lambda picture: translate(direction, picture, packed.card.prompt)


def _train_within(settings: Settings, run: RunFolder, spent: Path, seconds: float) -> None:
    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)  # the trainer ends after the step that is being computed, and saves

    budget = Budget(spent, limit_seconds=seconds, on_over=stop)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs without it
    try:
        with budget:
            train(settings, run.root, resume=run.settings.exists())
    except KeyboardInterrupt:
        if not budget.called:
            raise
    finally:
        signal.signal(signal.SIGINT, before)


def _check_settings(run: RunFolder, settings: Settings) -> None:
    kind = kind_of(settings)
    saved = with_values(default_settings(kind), read_values(run.settings, kind), source=str(run.settings))
    check_same_settings(saved, settings)


def _last_step(run: RunFolder) -> int:
    return max(saved_steps(run.states), default=0)
