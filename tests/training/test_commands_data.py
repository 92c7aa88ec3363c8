"""`onestep data check` as a user calls it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onestep.cli.data import check
from onestep.errors import InputError, SettingError
from onestep.training.trainer.settings import Kind
from onestep.training.trainer.settings_file import default_settings
from tests.training.picture_folders import bdd100k, controlnet, paired, unpaired


def onestep(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
    return subprocess.run(
        [sys.executable, "-m", "onestep", *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


def specified_bdd100k(folder: Path) -> Path:
    """Make a folder of BDD100K's layout with what selects two sides of it."""
    sides = 'a = "timeofday=daytime"\nb = "timeofday=night"\n'
    (bdd100k(folder) / "bdd100k.toml").write_text(f'images = "images"\nlabels = "labels"\n{sides}')
    return folder


def test_errors_are_a_table_on_stdout_and_status_1(tmp_path: Path) -> None:
    folder = unpaired(tmp_path / "pictures")
    (folder / "train_A" / "empty.jpg").touch()
    done = onestep("data", "check", "pictures", "--preparation", "resize_32x24", cwd=tmp_path)
    assert done.returncode == 1
    assert "train A 4, train B 4" in done.stdout
    assert "zero-byte" in done.stdout and "train_A/empty.jpg" in done.stdout
    assert done.stderr.startswith("Error: pictures has 1 error that would stop or spoil a training")
    assert "Traceback" not in done.stderr


def test_warnings_leave_the_status_at_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(unpaired(tmp_path), preparation="resize_32x24")
    told = capsys.readouterr()
    assert "warning" in told.out and "few-pictures" in told.out


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(unpaired(tmp_path), preparation="resize_32x24", as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["errors"] == 0
    assert [finding["check"] for finding in report["findings"]] == ["few-pictures"]


@pytest.mark.parametrize(
    ("make", "kind", "crop"),
    [
        (unpaired, "unpaired", "256x256"),
        (paired, "paired", "512x512"),
        (controlnet, "paired", "512x512"),
        (specified_bdd100k, "unpaired", "256x256"),
    ],
)
def test_pictures_are_held_against_the_default_of_the_training_that_they_are_for(
    make: Callable[[Path], Path], kind: Kind, crop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make(tmp_path)
    with pytest.raises(InputError):
        check(folder, as_json=True)
    report = json.loads(capsys.readouterr().out)
    default = default_settings(kind).data.preparation
    assert report["preparation"] == default
    small = [finding["message"] for finding in report["findings"] if finding["check"] == "too-small"]
    assert small and all(f"below the crop of {crop} that {default} cuts" in message for message in small)


def test_the_table_names_the_preparation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(unpaired(tmp_path), preparation="resize_32x24")
    assert "preparation: resize_32x24\n" in capsys.readouterr().out


def test_an_unknown_layout_is_prepared_as_unpaired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="has 1 error"):
        check(tmp_path, as_json=True)
    assert json.loads(capsys.readouterr().out)["preparation"] == default_settings("unpaired").data.preparation


def test_the_help_names_both_defaults(tmp_path: Path) -> None:
    shown = onestep("data", "check", "--help", cwd=tmp_path).stdout
    assert "resize_286_randomcrop_256x256_hflip, of pairs resized_crop_512" in " ".join(shown.replace("│", " ").split())


def test_json_with_errors_still_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="has 4 errors that would stop or spoil a training"):
        check(unpaired(tmp_path), preparation="randomcrop_49x32", as_json=True)
    assert json.loads(capsys.readouterr().out)["errors"] == 4


def test_a_sound_folder_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(unpaired(tmp_path, a=50, b=50), preparation="resize_32x24")
    assert "Nothing was found that would stop or spoil a training." in capsys.readouterr().out


def test_square_brackets_in_names_are_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = unpaired(tmp_path)
    (folder / "train_A" / "[bold]x.jpg").touch()
    with pytest.raises(InputError):
        check(folder, preparation="resize_32x24")
    assert "[bold]x.jpg" in capsys.readouterr().out.replace("\n", "")


def test_a_preparation_that_means_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="'tiny' is not a preparation of pictures"):
        check(unpaired(tmp_path), preparation="tiny")
