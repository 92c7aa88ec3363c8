"""The command line: light to start, and one message with status 1 for what the user can mend."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = ("torch", "diffusers", "transformers", "onnx", "onnxruntime", "onnxscript", "tensorrt", "av", "numpy", "PIL")
COMMANDS = (
    "run-video",
    "run-image",
    "export",
    "build",
    "refit",
    "merge",
    "distill",
    "evaluate",
    "train",
    "data",
    "import",
    "random-base",
    "domains",
    "doctor",
    "render-video",
)


def onestep(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, and give what it printed."""
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
    return subprocess.run(
        [sys.executable, "-m", "onestep", *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_starting_imports_nothing_heavy() -> None:
    code = f"import sys, onestep.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_help_imports_nothing_heavy() -> None:
    code = f"""
import sys
from onestep.cli import main
sys.argv = ["onestep", "--help"]
try:
    main()
finally:
    print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "run-video" in done.stdout
    assert done.stderr.strip() == "[]"


def test_an_interruption_is_said_with_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from onestep.cli import main
    from onestep.scenes import Scene

    at, seen = Scene.at, []

    def interrupted(scene: Scene, seconds: float, **options: Any) -> Any:
        seen.append(seconds)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return at(scene, seconds, **options)

    monkeypatch.setattr(Scene, "at", interrupted)
    monkeypatch.setattr(sys, "argv", ["onestep", "render-video", str(tmp_path / "d.mp4"), "--size", "64x32"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 130
    assert "d.mp4 holds the first 2 of 90 frames.\nInterrupted.\n" in capsys.readouterr().err
    assert (tmp_path / "d.mp4").exists()


def test_defaults_that_are_decided_later_are_in_the_help(tmp_path: Path) -> None:
    video, built = (onestep(command, "--help", cwd=tmp_path).stdout for command in ("run-video", "build"))
    assert "(all cores)" in video
    assert "(INPUT's name.DOMAIN.mp4, here)" in video
    assert "(the bundle's preferred size)" in built


def test_help_lists_every_command(tmp_path: Path) -> None:
    done = onestep("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS)


SMALLEST_APP = """
import typer
app = typer.Typer(rich_markup_mode="rich")
@app.command()
def one(): "Do one thing."
@app.command()
def other(): "Do another."
app()
"""


def test_help_takes_little_more_than_that_of_the_smallest_command_line(tmp_path: Path) -> None:
    """Half as much again is usual.

    Both are measured in turns on this machine. It takes more processor time for the same work when it is busy: the
    quickest of some tries counts.
    """
    ours = smallest = float("inf")
    for _ in range(10):
        smallest = min(smallest, _processor_seconds([sys.executable, "-c", SMALLEST_APP, "--help"], tmp_path))
        ours = min(ours, _processor_seconds([sys.executable, "-m", "onestep", "--help"], tmp_path))
        if ours < 2.5 * smallest:
            return
    pytest.fail(f"the help took {ours:.2f} s of the processor, that of the smallest command line {smallest:.2f} s")


def _processor_seconds(command: list[str], folder: Path) -> float:
    """Return what a command took of the processor: the clock would count a busy machine's other work."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str, tmp_path: Path) -> None:
    done = onestep(command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Usage:" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run-video", "missing.mp4"], "missing.mp4"),
        (["run-video", "x.mp4", "--domain", "day2nigth"], "Unknown domain 'day2nigth'. Did you mean 'day2night'?"),
        (["export", "--domain", "nowhere"], "Unknown domain 'nowhere'. Known: day2night"),
        (["export"], "Name what to export: --domain NAME, --generator DIR, --checkpoint FILE, or --base alone"),
        (["export", "--domain", "day2night", "--generator", "x"], "leave out --checkpoint, --base and --domain"),
        (["export", "--checkpoint", "x.pkl"], "The checkpoint x.pkl does not exist"),
        (["export", "--domain", "day2night", "--direction", "b2a"], "--direction goes with --checkpoint"),
        (["export", "--domain", "edge2image"], "No weights for edge2image ship in the package"),
        (["run-video", "x.mp4", "--domain", "rainy2clear"], "onestep export --domain rainy2clear --base sd-turbo"),
        (["export", "--domain", "day2night", "--base", "sd-turbo"], "day2night.pkl, the published checkpoint"),
        (["merge", "missing.pkl", "--base", "tiny", "-o", "g"], "missing.pkl"),
        (["import", "missing.pkl", "-o", "x.safetensors"], "missing.pkl"),
        (["export", "--domain", "day2night", "--precision", "fp8"], "Unknown precision 'fp8'"),
        (["export", "--domain", "day2night", "--size", "big"], "'big' is not a frame size"),
        (["export", "--generator", "nowhere"], "nowhere is not a folder"),
        (["render-video", "x.mp4", "--condition", "snow"], "Unknown condition 'snow'. Known: day, night, rain, fog"),
        (["render-video", "x.mp4", "--size", "0x1"], "'0x1' is not a frame size"),
    ],
)
def test_what_the_user_can_mend_is_one_message(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = onestep(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_has_status_2(tmp_path: Path) -> None:
    assert onestep("run-video", "--no-such-option", cwd=tmp_path).returncode == 2
    assert onestep("no-such-command", cwd=tmp_path).returncode == 2


def test_domains_as_json(tmp_path: Path) -> None:
    import json

    domains = json.loads(onestep("domains", "--json", cwd=tmp_path).stdout)
    assert "day2night" in [domain["name"] for domain in domains]


def test_doctor_says_why_not(tmp_path: Path) -> None:
    done = onestep("doctor", cwd=tmp_path)
    assert done.returncode == 0
    assert "onnxruntime-cpu" in done.stdout
    assert "libx264" in done.stdout
