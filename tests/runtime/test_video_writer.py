"""What is written: the source's shape, its sound, every way that a run can end, and one message for each bad output."""

import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from onestep.errors import OutputError, SettingError, UnknownNameError
from onestep.runtime.video.encoder import EncoderSettings
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.writer import VideoWriter, check_output
from tests.patience import PATIENCE_SECONDS

MakeClip = Callable[..., Path]

INFO = VideoInfo(width=64, height=48, time_base=Fraction(1, 12800), frame_rate=Fraction(25))
GREY = np.full((32, 40, 3), 128, np.uint8)
HIGHWAY = Path(__file__).parents[3] / "shared" / "data" / "highway_day_960x540.mp4"


def known(pts: int | None) -> int:
    assert pts is not None
    return pts


def translate(source: Path, output: Path, *, with_audio: bool = True, overwrite: bool = False) -> Path | None:
    with VideoReader(source, with_audio=with_audio) as reader:
        with VideoWriter(output, reader.info, audio=reader.audio, overwrite=overwrite) as writer:
            for frame in reader:
                writer.write(GREY, pts=known(frame.pts))
        return writer.finish()


def write_grey(output: Path, frames: int, *, settings: EncoderSettings | None = None, overwrite: bool = False) -> None:
    with VideoWriter(output, INFO, settings=settings, overwrite=overwrite) as writer:
        for index in range(frames):
            writer.write(GREY, pts=index * 512)


def pts_of(path: Path) -> list[int]:
    with VideoReader(path) as reader:
        return [known(frame.pts) for frame in reader]


def sound_of(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        return [(float(known(p.pts) * p.time_base), bytes(p)) for p in container.demux(audio=0) if p.size]


@pytest.mark.parametrize("audio", [None, "aac"])
@pytest.mark.parametrize("pts", [[0, 512, 1024], [12800, 13312, 13824], [0, 7, 1111, 1112, 90000]])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_times_are_exact(make_clip: MakeClip, tmp_path: Path, pts: list[int], audio: str | None, suffix: str) -> None:
    source = make_clip(pts=pts, audio=audio)
    assert translate(source, tmp_path / f"out{suffix}") == tmp_path / f"out{suffix}"
    assert pts_of(tmp_path / f"out{suffix}") == pts
    assert not list(tmp_path.glob("*partial*"))


def test_odd_time_bases(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("clip.avi", pts=[0, 1, 2, 5], time_base=Fraction(1001, 30000), codec="mpeg4")
    translate(source, tmp_path / "out.mp4")
    with VideoReader(source) as before, VideoReader(tmp_path / "out.mp4") as after:
        wanted = [known(frame.pts) * before.info.time_base for frame in before]
        assert [known(frame.pts) * after.info.time_base for frame in after] == wanted


def test_matroska_keeps_milliseconds(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip(pts=[0, 512, 1111, 90000])
    translate(source, tmp_path / "out.mkv")
    assert pts_of(tmp_path / "out.mkv") == [0, 40, 87, 7031]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_is_copied(make_clip: MakeClip, tmp_path: Path, suffix: str) -> None:
    source = make_clip(frames=50, audio="aac")
    translate(source, tmp_path / f"out{suffix}")
    before, after = sound_of(source), sound_of(tmp_path / f"out{suffix}")
    before = [packet for packet in before if packet[0] >= 0 or suffix != ".mkv"]
    assert pts_of(tmp_path / f"out{suffix}")[:1] == [0]
    assert [data for _, data in after] == [data for _, data in before]
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=0.001)


def test_sound_from_a_transport_stream(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("clip.ts", frames=50, audio="aac")
    translate(source, tmp_path / "out.mp4")
    assert len(sound_of(tmp_path / "out.mp4")) == len(sound_of(source)) > 50


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_follows_pictures_whose_clock_goes_back(make_clip: MakeClip, tmp_path: Path, suffix: str) -> None:
    once = make_clip("once.ts", frames=50, audio="aac")
    twice = tmp_path / "twice.ts"
    twice.write_bytes(2 * once.read_bytes())
    translate(twice, tmp_path / f"out{suffix}")
    pictures, sounds = pts_of(tmp_path / f"out{suffix}"), sound_of(tmp_path / f"out{suffix}")
    assert len(pictures) == 100
    assert len(sounds) == pytest.approx(2 * len(sound_of(once)), abs=1)
    assert sounds[-1][0] - sounds[0][0] == pytest.approx(4, abs=0.2)


def test_sound_stops_with_the_pictures_after_an_interruption(
    make_clip: MakeClip, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = make_clip(frames=50, audio="aac")
    with pytest.raises(KeyboardInterrupt), VideoReader(source, with_audio=True) as reader:
        frames = list(reader)
        with VideoWriter(tmp_path / "out.mp4", reader.info, audio=reader.audio) as writer:
            for frame in frames[:20]:
                writer.write(GREY, pts=known(frame.pts))
            raise KeyboardInterrupt
    assert len(pts_of(tmp_path / "out.mp4")) == 20
    assert sound_of(tmp_path / "out.mp4")[-1][0] == pytest.approx(0.8, abs=0.05)


def test_sound_that_does_not_fit(make_clip: MakeClip, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out\.webm cannot hold the audio of .* \(aac; .*--no-audio"):
        translate(make_clip(audio="aac"), tmp_path / "out.webm")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]
    translate(tmp_path / "clip.mp4", tmp_path / "out.webm", with_audio=False)
    assert len(pts_of(tmp_path / "out.webm")) == 10


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (64, 49), (65, 48), (7680, 16), (16, 4320)])
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_sizes(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    info = VideoInfo(width=size[0], height=size[1], time_base=Fraction(1, 25))
    with VideoWriter(tmp_path / f"out{suffix}", info) as writer:
        writer.write(GREY, pts=0)
    with VideoReader(tmp_path / f"out{suffix}") as reader:
        assert (reader.info.width, reader.info.height) == size


def test_largest_size(tmp_path: Path) -> None:
    info = VideoInfo(width=7680, height=4320, time_base=Fraction(1, 25))
    with VideoWriter(tmp_path / "out.mp4", info, settings=EncoderSettings(preset="ultrafast", codec="h264")) as writer:
        writer.write(GREY, pts=0)
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert (reader.info.width, reader.info.height) == (7680, 4320)


def test_size_that_a_codec_refuses(tmp_path: Path) -> None:
    info = VideoInfo(width=2, height=2, time_base=Fraction(1, 25))
    with pytest.raises(OutputError, match=r"h265 cannot encode 2x2 pictures into .*out\.mp4"):
        VideoWriter(tmp_path / "out.mp4", info, settings=EncoderSettings(codec="h265"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("codec", "suffix"), [("h264", ".mkv"), ("h265", ".mp4"), ("vp9", ".mp4"), ("vp9", ".mkv")])
def test_codecs(tmp_path: Path, codec: str, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    write_grey(tmp_path / f"out{suffix}", 3, settings=EncoderSettings(codec=codec, quality=30, threads=1))
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.video[0].codec_context.name in {codec, "hevc", "libvpx-vp9"}
    assert capfd.readouterr() == ("", "")


def test_pixel_shape_is_copied(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip(sample_aspect_ratio=Fraction(4, 3))
    translate(source, tmp_path / "out.mp4")
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.info.sample_aspect_ratio == Fraction(4, 3)


def test_pipe_out(tmp_path: Path) -> None:
    code = """
import sys, numpy as np
from fractions import Fraction
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.writer import VideoWriter
with VideoWriter("-", VideoInfo(width=64, height=48, time_base=Fraction(1, 25))) as writer:
    for index in range(int(sys.argv[1])):
        writer.write(np.full((48, 64, 3), index, np.uint8), pts=index)
"""
    done = subprocess.run([sys.executable, "-c", code, "5"], capture_output=True, check=True, timeout=PATIENCE_SECONDS)
    with av.open(io.BytesIO(done.stdout), "r") as container:
        assert len(list(container.decode(video=0))) == 5
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        command = [sys.executable, "-c", code, "3000"]
        broken = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, timeout=PATIENCE_SECONDS)
    assert b"The program that reads standard output has ended after" in broken.stderr


def test_interruption_keeps_what_was_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "out.mp4", INFO) as writer:
        for index in range(7):
            writer.write(GREY, pts=index * 512)
        raise KeyboardInterrupt
    assert pts_of(tmp_path / "out.mp4") == [index * 512 for index in range(7)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_failure_before_the_first_frame_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(RuntimeError, match="engine"), VideoWriter(tmp_path / f"out{suffix}", INFO):
        raise RuntimeError("engine")
    assert not list(tmp_path.iterdir())


def test_killed_run_leaves_a_playable_partial_file(tmp_path: Path) -> None:
    code = """
import os, sys, numpy as np
from fractions import Fraction
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.writer import VideoWriter
random = np.random.default_rng(0)
writer = VideoWriter(sys.argv[1], VideoInfo(width=320, height=240, time_base=Fraction(1, 25)))
for index in range(200):
    writer.write(random.integers(0, 255, (240, 320, 3), np.uint8), pts=index)
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out.mp4")], check=True, timeout=PATIENCE_SECONDS)
    assert not (tmp_path / "out.mp4").exists()
    assert len(pts_of(tmp_path / "out.partial.mp4")) >= 100
    write_grey(tmp_path / "out.mp4", 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "out.partial.mp4"]


FULL_DISK = """
import resource, sys, numpy as np
from fractions import Fraction
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.writer import VideoWriter
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
random = np.random.default_rng(0)
with VideoWriter(sys.argv[1], VideoInfo(width=320, height=240, time_base=Fraction(1, 25))) as writer:
    for index in range(400):
        writer.write(random.integers(0, 255, (240, 320, 3), np.uint8), pts=index)
"""


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_full_disk_keeps_what_plays(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / name), str(12_000_000)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    last = done.stderr.strip().splitlines()[-1]
    assert "OutputError: The disk is full: " in last
    assert f"frames are playable in {tmp_path / name}. Free some space" in last
    promised = int(last.split("The first ")[1].split()[0])
    assert len(pts_of(tmp_path / name)) >= promised - 1 > 20
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_full_disk_at_once_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "out.mp4"), "1000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert "Nothing playable was left, so the unfinished file was removed" in done.stderr
    assert not list(tmp_path.iterdir())


def test_existing_output_needs_overwrite(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(OutputError, match=r"out\.mp4 exists\..*--overwrite"):
        VideoWriter(tmp_path / "out.mp4", INFO)
    assert (tmp_path / "out.mp4").read_bytes() == b"old"
    write_grey(tmp_path / "out.mp4", 2, overwrite=True)
    assert len(pts_of(tmp_path / "out.mp4")) == 2


def test_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", INFO)
    writer.write(GREY, pts=0)
    (tmp_path / "out.mp4").write_bytes(b"other")
    with pytest.raises(OutputError, match=r"appeared while .*whole in .*out\.partial\.mp4"):
        writer.finish()
    assert (tmp_path / "out.mp4").read_bytes() == b"other"
    assert len(pts_of(tmp_path / "out.partial.mp4")) == 1


@pytest.mark.parametrize("way", ["same", "relative", "symlink", "hardlink"])
def test_input_is_never_replaced(
    make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    source = make_clip()
    monkeypatch.chdir(tmp_path)
    output = {"same": source, "relative": Path("clip.mp4")}.get(way, tmp_path / "link.mp4")
    if way == "symlink":
        output.symlink_to(source)
    if way == "hardlink":
        output.hardlink_to(source)
    with pytest.raises(OutputError, match="is the input"):
        check_output(output, source=source, overwrite=True)
    with pytest.raises(OutputError, match="is the input"):
        translate(source, output, overwrite=True)
    assert len(pts_of(source)) == 10


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is a folder. Name a file"),
        ("none/out.mp4", "The folder .*none for the output out.mp4 does not exist"),
        ("out.xyz", r"has the suffix '\.xyz', which says no format\. These work: \.mp4, \.m4v, \.mov, \.mkv, \.webm"),
        ("out", "has no suffix, which says no format"),
    ],
)
def test_bad_output_names(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        check_output(tmp_path / name)


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="needs a folder that nobody may write to")
def test_no_permission() -> None:
    with pytest.raises(OutputError, match=r"Nothing can be written in /sys \("):
        check_output("/sys/out.mp4")


def test_bad_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"h264 cannot be stored in webm\. Use one of: \.mp4"):
        VideoWriter(tmp_path / "out.webm", INFO, settings=EncoderSettings(codec="h264"))
    with pytest.raises(UnknownNameError, match=r"Unknown codec 'h26'\. Did you mean"):
        EncoderSettings(codec="h26")
    with pytest.raises(SettingError, match=r"Quality 99 is out of range for h264\. Give 0"):
        VideoWriter(tmp_path / "out.mp4", INFO, settings=EncoderSettings(quality=99))
    with pytest.raises(UnknownNameError, match=r"Unknown h264 preset 'superfats'\. Did you mean 'superfast'"):
        EncoderSettings(codec="h264", preset="superfats")
    assert not list(tmp_path.iterdir())


def test_times_must_increase(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", INFO) as writer:
        writer.write(GREY, pts=5)
        with pytest.raises(SettingError, match="Frame 1 has pts 5, which is not after 5"):
            writer.write(GREY, pts=5)
        with pytest.raises(SettingError, match=r"must be uint8"):
            writer.write(GREY[0], pts=6)


def test_finish_twice_and_error_on_the_way_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", INFO)
    writer.write(GREY, pts=0)
    assert writer.finish() == writer.finish() == tmp_path / "out.mp4"
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "b.mp4", INFO) as writer:
        writer.write(GREY, pts=0)
        (tmp_path / "b.mp4").touch()
        raise RuntimeError
    assert "appeared while it was being written" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR


@pytest.mark.skipif(not HIGHWAY.exists(), reason=f"needs the footage {HIGHWAY.name}")
def test_real_footage(tmp_path: Path) -> None:
    translate(HIGHWAY, tmp_path / "out.mp4")
    with VideoReader(HIGHWAY) as before, VideoReader(tmp_path / "out.mp4") as after:
        assert (before.info.width, before.info.height) == (after.info.width, after.info.height)
        wanted = [known(frame.pts) * before.info.time_base for frame in before]
        assert [known(frame.pts) * after.info.time_base for frame in after] == wanted
    assert [data for _, data in sound_of(tmp_path / "out.mp4")] == [data for _, data in sound_of(HIGHWAY)]
