"""`onestep data check` as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from onestep.cli.data import check
from onestep.errors import InputError, SettingError
from tests.training.picture_folders import unpaired


def onestep(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
    return subprocess.run(
        [sys.executable, "-m", "onestep", *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


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
