"""The command `onestep evaluate`: what it writes and prints, how it exits, what it refuses."""

import json
from pathlib import Path

import pytest
import typer

from onestep.cli.evaluate import default_folder
from onestep.cli.evaluate import evaluate as command
from onestep.errors import OutputError, SettingError


def test_the_command_writes_everything_and_exits_with_1_when_a_threshold_is_missed(
    tmp_path: Path, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kpi = tmp_path / "kpi.toml"
    kpi.write_text('edges_kept = ">= 0.9"\nstructure_ssim = ">= 0.99"\n')
    with pytest.raises(typer.Exit) as stopped:
        command(
            inputs=str(folders / "day"),
            outputs=[folders / "dark"],
            targets=folders / "targets",
            kpi=kpi,
            junit=tmp_path / "junit.xml",
            output=tmp_path / "report",
        )
    assert stopped.value.exit_code == 1
    printed = capsys.readouterr()
    assert "pass  dark: edges_kept" in printed.out
    assert "FAIL  dark: structure_ssim" in printed.out
    assert str(tmp_path / "report" / "report.html") in printed.out
    assert "… measure" in printed.err
    written = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert written["pictures"][0]["outputs"]["reinhard"] == str(tmp_path / "report" / "outputs" / "reinhard" / "p1.png")
    assert Path(written["pictures"][0]["outputs"]["reinhard"]).is_file()
    assert ".partial" not in (tmp_path / "report" / "report.html").read_text()
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text()
    with pytest.raises(OutputError, match=r"report exists already\. Remove it, choose another place with -o"):
        command(inputs=str(folders / "day"), outputs=[folders / "dark"], output=tmp_path / "report")


@pytest.mark.parametrize(
    ("inputs", "name"),
    [("a/drive.mp4", "drive"), ("a/shots", "shots"), ("a/shots/*.png", "shots"), ("a/p[12].png", "a")],
)
def test_a_report_is_named_after_its_inputs(inputs: str, name: str) -> None:
    assert default_folder(inputs) == Path(f"{name}.evaluation")


def test_the_command_prints_json(tmp_path: Path, folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(inputs=str(folders / "day" / "p*.png"), outputs=[folders / "dark"], output=tmp_path / "r", as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "r" / "evaluation.json").read_text())


def test_the_command_writes_kpi_files_and_blind_pages_and_sums_up_votes(
    tmp_path: Path, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(init_kpi=True, domain=["rainy2clear"], output=tmp_path / "kpi.toml")
    assert "# edges_kept = " in (tmp_path / "kpi.toml").read_text()
    with pytest.raises(OutputError, match=r"kpi\.toml exists\. Choose another name"):
        command(init_kpi=True, domain=["rainy2clear"], output=tmp_path / "kpi.toml")
    with pytest.raises(SettingError, match=r"names one file, and there are 2 domains"):
        command(init_kpi=True, domain=["rainy2clear", "day2night"], output=tmp_path / "both.toml", overwrite=True)
    assert not (tmp_path / "both.toml").exists()
    page = tmp_path / "page.html"
    command(blind=(f"dark={folders / 'dark'}", f"murky={folders / 'murky'}"), output=page, seed=4)
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "kpi.toml"), str(page)]
    from tests.evaluation.blind_samples import page_data

    data = page_data(page)
    head = {"format": "onestep-votes", "version": 1, "page": data["page"], "key": data["key"], "question": "?"}
    files = []
    for rater in ("a", "b"):
        votes = [{"pair": pair["name"], "choice": "left"} for pair in data["pairs"]]
        files.append(tmp_path / f"{rater}.json")
        files[-1].write_text(json.dumps({**head, "rater": rater, "saved": "2026-01-01T00:00:00Z", "votes": votes}))
    command(votes=files[:1], votes_files=files[1:])
    assert "dark preferred to murky: 50.0 % of 8 votes" in capsys.readouterr().out
    command(votes=files, as_json=True)
    assert json.loads(capsys.readouterr().out)["count"] == 8


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="There is nothing to measure: give --inputs"):
        command()
    with pytest.raises(SettingError, match="--init-kpi and --votes are different things to do"):
        command(init_kpi=True, votes=[tmp_path])
    with pytest.raises(SettingError, match="stands by itself, and only --votes takes files like that"):
        command(votes_files=[tmp_path / "day"])
    with pytest.raises(SettingError, match="--blind left is no label and folder. Write LABEL=DIR"):
        command(blind=("left", "b=right"))
    with pytest.raises(SettingError, match="names both sides alike"):
        command(blind=("a=left", "a=right"))
    with pytest.raises(OutputError, match=r"for the output junit\.xml does not exist"):
        command(inputs="day", outputs=[tmp_path], junit=tmp_path / "none" / "junit.xml")
    (tmp_path / "mine.xml").write_text("mine")
    with pytest.raises(OutputError, match=r"mine\.xml exists.*--overwrite"):
        command(inputs="day", outputs=[tmp_path], junit=tmp_path / "mine.xml")
    with pytest.raises(OutputError, match=r"mine\.xml is the input .*never replaced"):
        command(inputs=str(tmp_path / "mine.xml"), outputs=[tmp_path], junit=tmp_path / "mine.xml", overwrite=True)
    assert (tmp_path / "mine.xml").read_text() == "mine"
