"""`run-video` and `run-image` as a user calls them."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import av
import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from onestep.cli.choose_bundle import chosen_bundle
from onestep.cli.progress import shown_progress
from onestep.cli.run_image import run_image
from onestep.cli.run_video import default_output, run_video
from onestep.errors import (
    BackendError,
    BundleError,
    InputError,
    MissingInputError,
    OutputError,
    SettingError,
    UnknownNameError,
)
from onestep.frame_size import FrameSize
from onestep.runtime import Session
from onestep.runtime.cuda.calls import why_no_cuda
from onestep.runtime.picture_jobs import picture_jobs
from tests.patience import PATIENCE_SECONDS
from tests.runtime.bundles import make_bundle, random_frame

MakeClip = Callable[..., Path]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle", free=True)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def _picture(path: Path, size: tuple[int, int] = (64, 32)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(random_frame(*size)).save(path)
    return path


def _app() -> typer.Typer:
    app = typer.Typer()
    app.command("run-video")(run_video)
    app.command("run-image")(run_image)
    return app


def _is_inverted(source: Path, output: Path) -> bool:
    return bool((np.asarray(Image.open(output)) == 255 - np.asarray(Image.open(source))).all())


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("onnxruntime-cuda", "onnxruntime-cuda cannot run here: no NVIDIA driver was found"),
        ("tensorrt-rtx", "tensorrt-rtx cannot run here: no NVIDIA driver was found"),
    ],
)
def test_a_gpu_backend_without_a_gpu_ends_with_one_message(
    here: Path, bundle: Path, backend: str, message: str
) -> None:
    if why_no_cuda() is None:
        pytest.skip("this machine has a GPU")
    source = _picture(here / "day.png")
    command = ["run-image", str(source), "-o", "out.png", "--bundle", str(bundle), "--backend", backend]
    done = subprocess.run([sys.executable, "-m", "onestep", *command], capture_output=True, text=True)
    assert done.returncode == 1
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (here / "out.png").exists()


def test_without_a_gpu_auto_takes_the_processor_and_says_so(here: Path, bundle: Path) -> None:
    if why_no_cuda() is None:
        pytest.skip("this machine has a GPU")
    source = _picture(here / "day.png")
    command = ["run-image", str(source), "-o", "out.png", "--bundle", str(bundle)]
    done = subprocess.run([sys.executable, "-m", "onestep", *command], capture_output=True, text=True)
    assert done.returncode == 0
    assert "onnxruntime-cpu" in done.stderr
    assert (here / "out.png").exists()


def test_video_lands_in_the_current_folder_with_a_summary(
    here: Path, bundle: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str]
) -> None:
    run_video(str(make_clip("drive.mkv", frames=8)), bundle=bundle, report=here / "report.json")
    out, err = capsys.readouterr()
    with av.open(str(here / "drive.day2night.mkv")) as container:
        assert len(list(container.decode(video=0))) == 8
    assert "8 read, 8 written" in out
    assert "p50" in out
    assert "p99" in out
    assert "day2night on base test (fp32), 64x32 on onnxruntime-cpu" in err
    assert json.loads((here / "report.json").read_text())["frames_written"] == 8


def test_video_keeps_the_memory_that_frames_free(
    here: Path, bundle: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first frame, or the first ones fault for nothing."""
    order: list[str] = []
    command = import_module("onestep.cli.run_video")  # the package has the function of this name
    monkeypatch.setattr(command, "keep_heap", lambda: order.append("kept"))
    monkeypatch.setattr(command, "say_what_runs", lambda *told: order.append("opened"))
    result = CliRunner().invoke(_app(), ["run-video", str(make_clip()), "--bundle", str(bundle)])
    assert result.exit_code == 0 and order == ["kept", "opened"]


def test_json_is_all_that_stands_on_stdout(
    here: Path, bundle: Path, make_clip: MakeClip, capsys: pytest.CaptureFixture[str]
) -> None:
    run_video(str(make_clip(frames=3)), "out.mp4", bundle=bundle, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["output"] == "out.mp4"
    assert report["source_size"] == "64x48"


def test_video_on_standard_output(bundle: Path, make_clip: MakeClip) -> None:
    done = _onestep("run_video", str(make_clip(frames=4)), "-o", "-", "--bundle", str(bundle))
    assert done.returncode == 0
    assert done.stdout.startswith(b"\x1aE\xdf\xa3")  # Matroska
    assert b"4 written" in done.stderr


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("clips/drive.mp4", "drive.day2night.mp4"),
        ("drive.MOV", "drive.day2night.mov"),
        ("drive.avi", "drive.day2night.mp4"),
        ("-", "video.day2night.mp4"),
        ("rtsp://host/stream", "video.day2night.mp4"),
        ("0", "camera0.day2night.mp4"),
        ("/dev/video2", "camera2.day2night.mp4"),
    ],
)
def test_default_output(source: str, expected: str) -> None:
    assert default_output(source, "day2night") == expected


def test_interrupted_command_exits_130_with_a_playable_file(tmp_path: Path, make_clip: MakeClip) -> None:
    heavy = make_bundle(tmp_path / "heavy", kind="heavy", size=FrameSize(512, 288))
    target = tmp_path / "out.mp4"
    arguments = ["run_video", str(make_clip(frames=500)), "-o", str(target), "--bundle", str(heavy)]
    with _start(*arguments) as process:
        assert process.stderr is not None
        assert b"day2night on base test" in process.stderr.readline()
        assert any(b"/500 frames" in line for line in process.stderr)  # the first of them are written
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    with av.open(str(target)) as container:
        frames = len(list(container.decode(video=0)))
    assert 0 < frames < 500
    assert f"holds the first {frames} frames".encode() in err


@pytest.mark.parametrize("live", [[], ["--live"]])
def test_ctrl_c_ends_the_wait_for_standard_input(tmp_path: Path, make_clip: MakeClip, live: list[str]) -> None:
    """A pipe that stalls, such as a camera's, and is not closed."""
    target, bundle = tmp_path / "out.mp4", make_bundle(tmp_path / "bundle")
    video = make_clip("clip.ts", frames=50).read_bytes()
    with _start("run_video", "-", "-o", str(target), "--bundle", str(bundle), *live) as process:
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write(video)
        process.stdin.flush()
        assert any(b" frames" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE_SECONDS) == 130
        process.stdin.close()
    with av.open(str(target)) as container:
        assert 0 < len(list(container.decode(video=0))) <= 50


def test_settings_that_do_not_go_together(bundle: Path, make_clip: MakeClip) -> None:
    clip = str(make_clip(frames=1))
    with pytest.raises(SettingError, match=r"--domain day2night and --bundle .* both say what to run"):
        run_video(clip, domain="day2night", bundle=bundle)
    with pytest.raises(UnknownNameError, match=r"Unknown domain 'day2nigth'\. Did you mean 'day2night'"):
        run_video(clip, domain="day2nigth")
    with pytest.raises(BundleError, match="is not a folder"):
        run_video(clip, bundle=bundle / "nothing")
    with pytest.raises(UnknownNameError, match="Unknown backend 'openvino'"):
        run_video(clip, str(bundle.parent / "out.mp4"), bundle=bundle, backend="openvino")
    with pytest.raises(SettingError, match="multiples of 32 pixels"):
        run_video(clip, str(bundle.parent / "out.mp4"), bundle=bundle, size="100x100")
    with pytest.raises(OutputError, match=r"no for the output report\.json does not exist"):
        run_video(clip, bundle=bundle, report=bundle / "no" / "report.json")
    with pytest.raises(OutputError, match=r"is the input .*the input is never replaced"):
        run_video(clip, str(bundle.parent / "out.mp4"), bundle=bundle, report=Path(clip), overwrite=True)
    with pytest.raises(OutputError, match=r"is the output, too"):
        run_video(clip, str(bundle.parent / "o.mp4"), bundle=bundle, report=bundle.parent / "o.mp4", overwrite=True)
    with pytest.raises(OutputError, match=r"manifest\.json exists.*--overwrite"):
        run_video(clip, str(bundle.parent / "out.mp4"), bundle=bundle, report=bundle / "manifest.json")


def test_without_options_the_embedded_bundle_is_meant(monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    monkeypatch.setattr("onestep.cli.choose_bundle.embedded_bundle", {"day2night": bundle}.__getitem__)
    assert chosen_bundle(None, None).path == bundle


def test_one_picture(here: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = _picture(here / "in" / "road.png")
    run_image(str(source), bundle=bundle)
    assert capsys.readouterr().out == "road.day2night.png\n"
    assert _is_inverted(source, here / "road.day2night.png")
    with pytest.raises(OutputError, match="exists"):
        run_image(str(source), bundle=bundle)
    run_image(str(source), bundle=bundle, overwrite=True)


def test_folder_mirrors_names(here: Path, bundle: Path) -> None:
    sources = [_picture(here / "drive" / name) for name in ("a.png", "b.bmp", "c.png")]
    run_image("drive", bundle=bundle)
    outputs = [here / "drive.day2night" / name for name in ("a.png", "b.bmp.png", "c.png")]
    assert all(map(_is_inverted, sources, outputs))


def test_pattern_keeps_sub_folders_and_sizes(here: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = [_picture(here / "shots" / "x" / "a.png", (32, 64)), _picture(here / "shots" / "y" / "a.png", (64, 32))]
    run_image("shots/*/a.png", here / "out", bundle=bundle, as_json=True)
    out, err = capsys.readouterr()
    assert [Path(job["output"]) for job in json.loads(out)] == [here / "out" / f"{name}/a.png" for name in "xy"]
    assert all(map(_is_inverted, sources, [here / "out" / "x" / "a.png", here / "out" / "y" / "a.png"]))
    assert "32x64 on onnxruntime-cpu" in err
    assert "64x32 on onnxruntime-cpu" in err


def test_broken_picture_does_not_stop_the_others(here: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _picture(here / "drive" / "a.png")
    (here / "drive" / "b.png").write_bytes(b"no picture")
    _picture(here / "drive" / "c.png")
    with pytest.raises(InputError, match=r"1 of 3 pictures could not be read; the others are translated"):
        run_image("drive", bundle=bundle)
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "b.png is not a picture" in err
    with pytest.raises(InputError, match=r"b\.png is not a picture"):
        run_image("drive/b.png", bundle=bundle)
    with pytest.raises(MissingInputError, match="There is no file or folder"):
        run_image("nothing.png", bundle=bundle)


def test_outputs_are_checked_before_any_work(here: Path, bundle: Path) -> None:
    for name in ("a.png", "b.png"):
        _picture(here / "drive" / name)
    _picture(here / "drive.day2night" / "b.png")
    with pytest.raises(OutputError, match=r"b\.png exists"):
        run_image("drive", bundle=bundle)
    assert not (here / "drive.day2night" / "a.png").exists()


def test_a_picture_into_a_folder_that_exists(here: Path) -> None:
    source = _picture(here / "road.bmp")
    (job,) = picture_jobs("road.bmp", here, "day2night")
    assert (job.source, job.output) == (source.relative_to(here), here / "road.bmp.png")


def test_linked_pictures_keep_their_own_names(here: Path, bundle: Path) -> None:
    for index in range(2):
        link = here / "shots" / f"{index:04}.png"
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(_picture(here / "elsewhere" / f"x{index}" / "x.png"))
    run_image("shots", bundle=bundle)
    assert sorted(path.name for path in (here / "shots.day2night").iterdir()) == ["0000.png", "0001.png"]


def test_two_pictures_of_one_output_are_refused(here: Path, bundle: Path) -> None:
    for name in ("a.bmp", "a.bmp.png"):
        _picture(here / "drive" / name)
    with pytest.raises(OutputError, match=r"drive/a\.bmp and drive/a\.bmp\.png would both become .*a\.bmp\.png"):
        run_image("drive", bundle=bundle, overwrite=True)
    assert not (here / "drive.day2night").exists()


def test_an_error_is_not_hidden_by_that_of_closing(here: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OutputError("the disk is full")

    def broken(session: Session) -> None:
        raise BackendError("closing failed")

    monkeypatch.setattr("onestep.runtime.translate_pictures.write_picture", full)
    monkeypatch.setattr(Session, "close", broken)
    _picture(here / "road.png")
    with pytest.raises(OutputError, match="the disk is full"):
        run_image("road.png", bundle=bundle)


def test_help_names_every_option() -> None:
    runner = CliRunner()
    for command, options in (
        ("run-video", "--domain --bundle --backend --size --threads --live --no-audio --overwrite --report --json"),
        ("run-image", "--domain --bundle --backend --size --threads --overwrite --json"),
    ):
        text = runner.invoke(_app(), [command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
        assert all(option in text for option in options.split())


def test_importing_the_commands_is_light() -> None:
    code = "import sys, onestep.cli.run_video, onestep.cli.run_image; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"torch", "onnx", "onnxruntime", "av", "numpy", "PIL"}


def test_progress_lines_are_rare(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr("onestep.cli.progress.time.monotonic", lambda: float(next(clock)))
    with shown_progress("frames") as tell:
        for done in range(1, 12):
            tell(done, 20)
    assert capsys.readouterr().err.splitlines() == [
        "5/20 frames  1.0/s, 15 s left",
        "10/20 frames  1.0/s, 10 s left",
    ]


def test_progress_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with shown_progress("frames") as tell:
        tell(3, None)
        tell(20, 20)
    out, err = capsys.readouterr()
    assert out == ""
    assert "20/20 frames" in err


def _code(command: str) -> list[str]:
    return [sys.executable, "-c", f"import typer; from onestep.cli.{command} import {command}; typer.run({command})"]


def _onestep(command: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*_code(command), *arguments], capture_output=True, timeout=PATIENCE_SECONDS, check=False)


def _start(command: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command that tells of its progress after every frame."""
    python, option, code = _code(command)
    often = f"import onestep.cli.progress as progress; progress._LINE_EVERY_SECONDS = 0.0; {code}"
    pipe = subprocess.PIPE
    return subprocess.Popen([python, option, often, *arguments], stdin=pipe, stdout=pipe, stderr=pipe)
