"""What comes out of videos as users have them, and one message for each thing that cannot be read."""

import os
import re
import subprocess
import sys
import wave
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from onestep.errors import InputError, MissingInputError, SettingError
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.source import source_from_text
from tests.patience import PATIENCE_SECONDS

MakeClip = Callable[..., Path]
CutFile = Callable[[Path, float], Path]


def known(pts: int | None) -> int:
    assert pts is not None
    return pts


def times(source: Path | str, *, live: bool = False) -> list[int]:
    with VideoReader(source, live=live) as reader:
        return [known(frame.pts) for frame in reader]


def test_constant_rate(make_clip: MakeClip) -> None:
    with VideoReader(make_clip(frames=10)) as reader:
        info = reader.info
        assert (info.width, info.height, info.frame_count, info.frame_rate) == (64, 48, 10, Fraction(25))
        assert (info.pixel_format, info.bit_depth, info.has_audio, info.is_live) == ("yuv420p", 8, False, False)
        assert info.duration_seconds == pytest.approx(0.4)
        assert [known(frame.pts) * info.time_base for frame in reader] == [Fraction(n, 25) for n in range(10)]
        assert (reader.frames_read, reader.damage) == (10, None)


def test_variable_rate_keeps_times(make_clip: MakeClip) -> None:
    pts = [0, 512, 1111, 1112, 5000, 90000]
    assert times(make_clip(pts=pts)) == pts


def test_start_after_zero_is_kept_except_live(make_clip: MakeClip) -> None:
    clip = make_clip(pts=[12800, 13312, 13824])
    assert times(clip) == [12800, 13312, 13824]
    assert times(clip, live=True) == [0, 512, 1024]


@pytest.mark.parametrize("audio", [None, "aac"])
def test_a_clock_that_goes_back_goes_on(
    make_clip: MakeClip, tmp_path: Path, audio: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    once = make_clip("once.ts", frames=50, audio=audio)
    twice = tmp_path / "twice.ts"
    twice.write_bytes(2 * once.read_bytes())
    with VideoReader(twice, with_audio=audio is not None) as reader:
        seconds = [float(known(frame.pts) * reader.info.time_base) for frame in reader]
    steps = [later - earlier for earlier, later in pairwise(seconds)]
    assert len(seconds) == 100
    assert steps == pytest.approx([0.04] * 99, abs=0.03)
    assert seconds[-1] - seconds[0] == pytest.approx(99 * 0.04, abs=0.03)
    assert len(caplog.records) == 1
    assert re.search(r"The clock of .*twice\.ts goes back by 2\.\d s", caplog.text)


def test_a_gap_in_the_times_is_kept(make_clip: MakeClip) -> None:
    clip = make_clip("gap.ts", pts=[0, 512, 1024, 128000, 128512])
    first, *_, last = times(clip)
    assert last - first == pytest.approx(128512 / 12800 * 90000, abs=2)


def test_missing_times_are_filled_in(make_clip: MakeClip) -> None:
    with VideoReader(make_clip("raw.h264", frames=6)) as reader:
        pts = [known(frame.pts) for frame in reader]
        step = reader.info.frame_step
    assert len(pts) == 6
    assert pts == sorted(set(pts))
    assert pts[-1] - pts[0] == pytest.approx(5 * step, rel=0.5)


def test_ten_bits(make_clip: MakeClip) -> None:
    with VideoReader(make_clip(pixel_format="yuv420p10le")) as reader:
        assert (reader.info.bit_depth, reader.info.pixel_format) == (10, "yuv420p10le")


def test_one_frame(make_clip: MakeClip) -> None:
    assert times(make_clip(frames=1)) == [0]


def test_tags_turn_and_pixel_shape(make_clip: MakeClip) -> None:
    clip = make_clip(tags=(1, 1, 1, 2), turn_degrees=90, sample_aspect_ratio=Fraction(4, 3))
    with VideoReader(clip) as reader:
        info = reader.info
    assert (info.colour.primaries, info.colour.transfer, info.colour.matrix, info.colour.range) == (1, 1, 1, 2)
    assert (info.width, info.height, info.stored_size, info.rotation_degrees) == (48, 64, (64, 48), 90)
    assert info.sample_aspect_ratio == Fraction(4, 3)


def test_audio_is_collected_when_asked_for(make_clip: MakeClip) -> None:
    clip = make_clip(audio="aac")
    with VideoReader(clip) as reader:
        assert reader.info.has_audio
        assert reader.audio is None
    with VideoReader(clip, with_audio=True) as reader:
        frames = sum(1 for _ in reader)
        assert reader.audio is not None
        assert frames == 10
        assert reader.damage is None, "the empty packet that ends the audio is no damaged picture"
        assert len(reader.audio.take(0.1)) < len(reader.audio.take(10.0)) + 6


def test_size_change_is_handed_on(tmp_path: Path, make_clip: MakeClip, caplog: pytest.LogCaptureFixture) -> None:
    both = tmp_path / "both.ts"
    both.write_bytes(make_clip("a.ts", size=(64, 48)).read_bytes() + make_clip("b.ts", size=(96, 64)).read_bytes())
    with VideoReader(both) as reader:
        sizes = [(frame.width, frame.height) for frame in reader]
    assert (sizes[0], sizes[-1]) == ((64, 48), (96, 64))
    assert "changes its size from 64x48 to 96x64 at frame" in caplog.text


def test_pipe(make_clip: MakeClip) -> None:
    code = "from onestep.runtime.video.reader import VideoReader as R; print(sum(1 for _ in R('-')))"
    clip = make_clip("clip.mkv", frames=7).read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", code], input=clip, capture_output=True, check=True, timeout=PATIENCE_SECONDS
    )
    assert done.stdout.strip() == b"7"


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("-", "pipe", "pipe:0"),
        ("0", "camera", "/dev/video0"),
        ("/dev/video1", "camera", "/dev/video1"),
        ("rtsp://host/path", "stream", "rtsp://host/path"),
        ("a:b.mp4", "file", "file:a:b.mp4"),
        (Path("0"), "file", "file:0"),
    ],
)
def test_kinds_of_source(text: str | Path, kind: str, address: str) -> None:
    source = source_from_text(text)
    assert (source.kind, source.address) == (kind, address)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"There is no file .*no\.mp4"):
        VideoReader(tmp_path / "no.mp4")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder, not a video"):
        VideoReader(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(InputError, match=r"empty\.mp4 is empty \(0 bytes\)"):
        VideoReader(tmp_path / "empty.mp4")


@pytest.mark.parametrize(
    ("name", "message"), [("text.mp4", "is not a video that FFmpeg"), ("text.txt", "is a text file")]
)
def test_text_file(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_text("This is no video.\n" * 100)
    with pytest.raises(InputError, match=message):
        VideoReader(tmp_path / name)


def test_mp4_without_index(make_clip: MakeClip, cut_file: CutFile) -> None:
    with pytest.raises(InputError, match=r"MP4 file without its index .*cut off"):
        VideoReader(cut_file(make_clip(frames=20), 0.6))


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("first.mp4", (("movflags", "faststart"),), r"is cut off: \d+ bytes are missing at its end\. \d+ of 40 frames"),
        (
            "parts.mp4",
            (("movflags", "frag_keyframe+delay_moov"),),
            r"is cut off: \d+ bytes .* \d+ frames could be read",
        ),
        ("clip.mkv", (), r"is cut off: \d+ bytes .* \d+ of 40 frames could be read"),
    ],
)
def test_cut_off_in_the_middle(
    make_clip: MakeClip, cut_file: CutFile, name: str, options: tuple[tuple[str, str], ...], expected: str
) -> None:
    clip = cut_file(make_clip(name, frames=40, options=options), 0.6)
    with VideoReader(clip) as reader:
        read = len(list(reader))
        damage = reader.damage or ""
    assert 10 < read < 40
    assert f" {read} " in damage
    assert re.search(expected, damage)


def test_damaged_packets_are_counted(make_clip: MakeClip) -> None:
    clip = make_clip(frames=30, options=(("movflags", "faststart"),))
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 6000] = b"\xff" * 6000
    clip.write_bytes(data)
    with VideoReader(clip) as reader:
        read = len(list(reader))
        damage = reader.damage or ""
    assert 5 < read < 30
    assert re.search(rf"is damaged: \d+ packets could not be decoded\. {read} of 30 frames could be read", damage)


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    with pytest.raises(InputError, match="has no video stream, only sound"):
        VideoReader(path)


def test_nothing_decodable(make_clip: MakeClip) -> None:
    clip = make_clip("clip.mp4", frames=3, options=(("movflags", "faststart"),))
    data = bytearray(clip.read_bytes())
    start = data.rindex(b"mdat") + 4
    data[start:] = b"\xff" * (len(data) - start)
    clip.write_bytes(data)
    with pytest.raises(InputError, match=r"has a video stream \(h264, 64x48\) and no frame in it could be decoded"):
        VideoReader(clip)


@pytest.mark.skipif(Path("/dev/video7").exists(), reason="this machine has a camera 7")
def test_missing_camera() -> None:
    with pytest.raises(MissingInputError, match=r"There is no camera 7: /dev/video7 does not exist\. Cameras found"):
        VideoReader("7")


def test_unreachable_stream() -> None:
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9/x\.mp4 cannot be opened \(.*Check the address"):
        VideoReader("http://127.0.0.1:9/x.mp4")


def test_unsuitable_pipe(make_clip: MakeClip) -> None:
    code = "from onestep.runtime.video.reader import VideoReader as R; R('-')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=b"no video" * 99, capture_output=True, timeout=PATIENCE_SECONDS)
    assert b"InputError: Standard input is not a video that can be read as it arrives" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(make_clip: MakeClip) -> None:
    clip = make_clip()
    clip.chmod(0)
    with pytest.raises(InputError, match="may not be read"):
        VideoReader(clip)


def test_bad_thread_count(make_clip: MakeClip) -> None:
    with pytest.raises(SettingError, match="cannot run on 0 threads"):
        VideoReader(make_clip(), threads=0)
