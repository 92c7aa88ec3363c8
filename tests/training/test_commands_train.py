"""`onestep train`: its options, its settings file, and the way from pictures to a bundle."""

import inspect
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onestep.cli import app
from onestep.cli.export import export
from onestep.cli.merge import merge
from onestep.cli.train import paired, resolved_settings, unpaired
from onestep.errors import MissingInputError, SettingError, UnknownNameError
from onestep.training.folder import load_generator
from onestep.training.trainer.settings import Kind, UnpairedSettings
from onestep.training.trainer.settings_file import entries, values_of
from tests.training.tiny_runs import SMALL, base_folder, paired_pictures, unpaired_pictures


@pytest.mark.parametrize(("command", "kind"), [(unpaired, "unpaired"), (paired, "paired")])
def test_every_setting_is_an_option(command: Callable[..., None], kind: Kind) -> None:
    names = inspect.signature(command).parameters
    assert names.keys() == {"output", "resume", "config", "download", "as_json", *entries(kind)}


def test_help_shows_defaults_and_groups() -> None:
    result = CliRunner().invoke(app, ["train", "unpaired", "--help"], env={"COLUMNS": "160", "TERM": "dumb"})
    assert result.exit_code == 0
    for text in (
        "--unet-rank",
        "128",
        "--checkpoint-activations",
        "--no-checkpoint-activations",
        "Optimiser",
        "--resume",
    ):
        assert text in result.stdout


def test_options_come_before_the_file_and_the_file_before_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[model]\nunet_rank = 16\n[machine]\nseed = 5\n", "utf-8")
    options = {"data": str(tmp_path), "seed": 9, "vae_rank": None}
    settings = resolved_settings("unpaired", config=tmp_path / "mine.toml", options=options)
    assert isinstance(settings, UnpairedSettings)
    assert (settings.model.unet_rank, settings.machine.seed, settings.model.vae_rank) == (16, 9, 4)
    assert settings.data.data == str(tmp_path.resolve())


def test_relative_folders_become_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolved_settings("paired", options={"data": "pictures"}).data.data == str(tmp_path / "pictures")


def test_files_behind_a_kind_become_whole_and_names_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pictures", "clip-b32", "tiny", "none"):
        (tmp_path / name).mkdir()
    (tmp_path / "alex.pth").touch()
    monkeypatch.chdir(tmp_path)
    options = {"data": "pictures", "clip": "clip-b32", "discriminator": "clip:clip-b32", "perceptual": "lpips:alex.pth"}
    settings = resolved_settings("paired", options=options)
    assert settings.model.base == "tiny", "a known name, not the folder that is called so"
    assert settings.losses.discriminator == f"clip:{tmp_path / 'clip-b32'}"
    assert settings.losses.perceptual == f"lpips:{tmp_path / 'alex.pth'}"
    assert values_of(settings)["clip"] == str(tmp_path / "clip-b32")
    assert resolved_settings("paired", options={"data": "pictures", "perceptual": "none"}).losses.perceptual == "none"
    unpaired = resolved_settings("unpaired", options={"data": "pictures", "features": "inception:alex.pth"})
    assert values_of(unpaired)["features"] == f"inception:{tmp_path / 'alex.pth'}"


def test_what_is_asked_must_be_complete(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="Give the folder of a new run with -o, or .* --resume: one of the two"):
        unpaired(data=str(tmp_path))
    with pytest.raises(SettingError, match="one of the two"):
        unpaired(data=str(tmp_path), output=tmp_path / "a", resume=tmp_path / "b")
    with pytest.raises(SettingError, match="No pictures were named. Give their folder with --data"):
        unpaired(output=tmp_path / "run")
    with pytest.raises(UnknownNameError, match="Unknown setting in the options: 'rnak'"):
        unpaired(output=tmp_path / "run", data=str(tmp_path), rnak=3)
    with pytest.raises(MissingInputError, match="holds no run"):
        unpaired(resume=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_bad_choice_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "unpaired", "--data", str(tmp_path), "-o", "x", "--precision", "bf61"])
    assert result.exit_code == 2 and "bf61" in result.output


def run_next(told: str, options: str, **values: str) -> None:
    """Run the command that a training has printed, with values for what stands in capitals."""
    (line,) = [line for line in told.splitlines() if line.startswith("Next: ")]
    assert options in line
    program, *arguments = shlex.split(line.removeprefix("Next: "))
    result = CliRunner().invoke(app, [values.get(argument, argument) for argument in arguments])
    assert program == "onestep" and result.exit_code == 0, result.output


def test_from_pictures_to_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    options = SMALL | {
        "data": str(unpaired_pictures(tmp_path / "pictures")),
        "base": str(base_folder()),
        "max_steps": 1,
    }
    unpaired(output=run, **options)
    captured = capsys.readouterr()
    assert captured.out == f"Checkpoint: {run / 'checkpoint.safetensors'} (after 1 steps, moving average)\n"
    run_next(captured.err, "--direction a2b", GENERATOR=str(tmp_path / "a2b"))
    assert load_generator(tmp_path / "a2b").card.prompt == "side B"
    capsys.readouterr()
    with pytest.raises(SettingError, match="The run was begun with other settings: seed was 42 and is 1"):
        unpaired(resume=run, seed=1)
    unpaired(resume=run, max_steps=2, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["steps"] == 2 and report["best"] is None
    merge(run / "checkpoint.safetensors", tmp_path / "generator", str(base_folder()), direction="b2a")
    packed = load_generator(tmp_path / "generator")
    assert packed.card.prompt == "side A" and packed.card.direction == "b2a"
    export(
        checkpoint=run / "checkpoint.safetensors",
        base=str(base_folder()),
        direction="a2b",
        size="64x32",
        parity_frames=1,
        output=tmp_path / "bundle",
    )
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text("utf-8"))
    assert manifest["prompt"] == "side B"


def test_a_paired_run_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = paired_pictures(tmp_path / "pictures", captions=("a house", "a tree"))
    paired(output=tmp_path / "run", **SMALL | {"data": str(pictures), "base": str(base_folder()), "max_steps": 1})
    run_next(capsys.readouterr().err, "--prompt TEXT", GENERATOR=str(tmp_path / "generator"), TEXT="a hut")
    packed = load_generator(tmp_path / "generator")
    assert packed.card.prompt == "a hut" and packed.card.input_range == (0.0, 1.0)


def test_one_caption_for_all_pairs_needs_no_prompt_afterwards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = paired_pictures(tmp_path / "pictures", captions=("a house",))
    run = tmp_path / "a run"
    paired(output=run, **SMALL | {"data": str(pictures), "base": str(base_folder()), "max_steps": 1})
    told = capsys.readouterr().err
    assert f"Next: onestep merge '{run}/checkpoint.safetensors' --base {base_folder()} -o GENERATOR" in told
    run_next(told, "--base", GENERATOR=str(tmp_path / "generator"))
    assert load_generator(tmp_path / "generator").card.prompt == "a house"
