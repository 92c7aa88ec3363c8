"""Settings: as TOML and back, every bad key and value named, the nearest suggested."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from onestep.errors import InputError, MissingInputError, SettingError, UnknownNameError
from onestep.training.trainer.settings import (
    HELP,
    Kind,
    OptimiserSettings,
    PairedSettings,
    UnpairedSettings,
    WatchSettings,
)
from onestep.training.trainer.settings_file import (
    default_settings,
    entries,
    kind_of,
    read_values,
    text_of,
    values_of,
    with_values,
)

KINDS: tuple[Kind, ...] = ("unpaired", "paired")


@pytest.mark.parametrize("kind", KINDS)
def test_settings_survive_their_file(kind: Kind, tmp_path: Path) -> None:
    settings = with_values(
        default_settings(kind),
        {"base": 'a "quoted" name', "learning_rate": 1e-9, "augment": False, "seed": 7},
        source="",
    )
    (tmp_path / "settings.toml").write_text(text_of(settings), "utf-8")
    read = read_values(tmp_path / "settings.toml", kind)
    assert with_values(default_settings(kind), read, source="") == settings
    assert kind_of(settings) == kind
    assert tomllib.loads(text_of(settings))["optimiser"]["learning_rate"] == 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_has_a_help_text_and_one_place(kind: Kind) -> None:
    groups = [getattr(default_settings(kind), field.name) for field in dataclasses.fields(default_settings(kind))]
    names = [field.name for group in groups for field in dataclasses.fields(group)]
    assert len(names) == len(set(names)) == len(entries(kind))
    assert all(entry.field.metadata[HELP].endswith(".") for entry in entries(kind).values())


def test_the_defaults_are_the_published_ones() -> None:
    unpaired, paired = values_of(UnpairedSettings()), values_of(PairedSettings())
    published = {
        "cycle_weight": 1.0,
        "cycle_perceptual_weight": 10.0,
        "identity_weight": 1.0,
        "identity_perceptual_weight": 1.0,
        "gan_weight": 0.5,
        "unet_rank": 128,
        "vae_rank": 4,
        "learning_rate": 1e-5,  # of the documented run
        "discriminator_learning_rate": 1e-5,
        "clip_norm": 10.0,
        "adversarial": "multilevel_sigmoid",
    }
    assert {name: unpaired[name] for name in published} == published
    published = {
        "l2_weight": 1.0,
        "perceptual_weight": 5.0,
        "clip_weight": 5.0,
        "gan_weight": 0.5,
        "unet_rank": 8,
        "clip_norm": 1.0,
        "adversarial": "multilevel_sigmoid_s",
        "max_steps": 10_000,
        "learning_rate": 5e-6,
    }
    assert {name: paired[name] for name in published} == published


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "[model]\nunet_rnak = 8",
            UnknownNameError,
            "Unknown key in .model. of .*'unet_rnak'. Did you mean 'unet_rank'?",
        ),
        ("[optimizer]\nseed = 8", UnknownNameError, "Unknown table in .*'optimizer'. Did you mean 'optimiser'?"),
        ("[model]\nseed = 8", SettingError, r"seed stands in \[model\]; it belongs in \[machine\]"),
        ("seed = 8", UnknownNameError, "Unknown table in .*'seed'"),
        ("model = 8", SettingError, r"model is a table of settings; write \[model\]"),
        ('kind = "paired"', SettingError, "is for `onestep train paired`, and this is `onestep train unpaired`"),
        ("[model\n", InputError, "cannot be read as TOML"),
    ],
)
def test_a_bad_file_is_refused(text: str, error: type[Exception], message: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(text, "utf-8")
    with pytest.raises(error, match=message):
        read_values(tmp_path / "settings.toml", "unpaired")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="There is no settings file"):
        read_values(tmp_path / "none.toml", "unpaired")


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"rnak": 8}, UnknownNameError, "Unknown setting in here: 'rnak'"),
        ({"unet_rank": "8"}, SettingError, "unet_rank in here is '8'; expected int"),
        ({"unet_rank": True}, SettingError, "unet_rank in here is True; expected int"),
        ({"unet_rank": 0}, SettingError, "unet_rank is 0, and it must be 1 or more"),
        ({"learning_rate": -1.0}, SettingError, "learning_rate is -1.0, and it must be 0 or more"),
        ({"learning_rate": float("nan")}, SettingError, "learning_rate is nan, and it must be 0 or more"),
        ({"ema_decay": 1.0}, SettingError, "ema_decay is 1.0, and it must be less than 1"),
        ({"precision": "bf61"}, UnknownNameError, "value of precision in here: 'bf61'. Did you mean 'bf16'?"),
        ({"augment": 1}, SettingError, "augment in here is 1; expected bool"),
    ],
)
def test_a_bad_value_is_refused(values: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        with_values(UnpairedSettings(), values, source="here")


def test_whole_numbers_do_for_fractions_and_nothing_for_what_is_optional() -> None:
    settings = with_values(UnpairedSettings(), {"gan_weight": 1, "prompt_a": None, "wandb": None}, source="here")
    assert settings.losses.gan_weight == 1.0 and isinstance(settings.losses.gan_weight, float)


def test_groups_check_themselves() -> None:
    with pytest.raises(SettingError, match="validation_count is 1, and it must be 2 or more"):
        WatchSettings(validation_count=1)
    with pytest.raises(SettingError, match="max_steps is 0"):
        OptimiserSettings(max_steps=0)
