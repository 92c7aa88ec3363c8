"""NVDEC and NVENC on a real GPU, against PyAV's own decoder and encoder. Not run where they were written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onestep.runtime.video.convert import RgbFromFrame
from onestep.runtime.video.encoder import EncoderSettings
from onestep.runtime.video.hardware import why_no_nvdec, why_no_nvenc
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.writer import VideoWriter
from tests.runtime.test_video_writer import INFO

pytestmark = pytest.mark.gpu

MakeClip = Callable[..., Path]
SIZE = (256, 144)


def pictures(path: Path, decoder: str) -> tuple[list[np.ndarray], list[int | None], VideoInfo, str]:
    with VideoReader(path, decoder=decoder) as reader:  # type: ignore[arg-type]
        converter = RgbFromFrame(reader.info.orientation)
        found, times = [], []
        for frame in reader:
            out = np.empty((reader.info.height, reader.info.width, 3), np.uint8)
            converter.into(frame, out)
            found.append(out)
            times.append(frame.pts)
        return found, times, reader.info, reader.decoder.name


@pytest.mark.parametrize("turn_degrees", [0, 90])
def test_nvdec_gives_what_software_gives(make_clip: MakeClip, turn_degrees: int) -> None:
    clip = make_clip(frames=12, size=SIZE, turn_degrees=turn_degrees, tags=(1, 1, 1, 1))
    ours, our_times, our_info, name = pictures(clip, "auto")
    theirs, their_times, their_info, _ = pictures(clip, "software")
    assert name == ("software" if why_no_nvdec() else "nvdec")
    assert our_times == their_times
    assert (our_info.orientation, our_info.colour) == (their_info.orientation, their_info.colour)
    difference = np.stack([one.astype(int) - other for one, other in zip(ours, theirs, strict=True)])
    assert np.abs(difference).max() <= 2, "the same decoded values in another layout, nv12"


def test_a_format_that_no_nvdec_decodes_is_read_in_software(make_clip: MakeClip) -> None:
    found, _, _, name = pictures(make_clip(frames=4, size=SIZE, codec="ffv1", pixel_format="yuv420p"), "auto")
    assert (len(found), name) == (4, "software")


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_nvenc_writes_what_can_be_read(tmp_path: Path, codec: str) -> None:
    info = VideoInfo(width=SIZE[0], height=SIZE[1], time_base=INFO.time_base, frame_rate=INFO.frame_rate)
    settings = EncoderSettings(encoder="auto", codec=codec)
    grey = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    with VideoWriter(tmp_path / "out.mp4", info, settings=settings) as writer:
        for index in range(8):
            writer.write(grey, pts=index * 512)
        name = {"h264": "h264_nvenc", "h265": "hevc_nvenc"}[codec]
        missing = why_no_nvenc(name, size=SIZE)
        assert (writer.encoder == name) == (missing is None), missing or writer.nvenc_passed_over
    found, times, _, _ = pictures(tmp_path / "out.mp4", "software")
    assert times == [index * 512 for index in range(8)]
    assert np.abs(np.stack(found).astype(int) - 128).max() <= 4
