"""Newest frame wins, drops are counted, errors cross threads."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onestep.runtime.video.live import LatestFrame, NewestFrames
from onestep.runtime.video.reader import VideoReader
from tests.patience import PATIENCE_SECONDS, is_waited_for

MakeClip = Callable[..., Path]


def test_slow_consumer_gets_the_newest() -> None:
    latest: LatestFrame[int] = LatestFrame()
    for number in range(10):
        latest.put(number)
    assert latest.take() == 9
    assert latest.dropped == 9
    latest.put(10)
    latest.finish()
    latest.put(11)
    assert (latest.take(), latest.take()) == (10, None)
    assert latest.dropped == 9


def test_taking_waits_for_an_item_and_can_time_out() -> None:
    latest: LatestFrame[int] = LatestFrame()
    assert latest.take(timeout_seconds=0.01) is None
    assert not latest.is_finished
    waits, got = is_waited_for(latest._changed), list[int | None]()
    taking = threading.Thread(target=lambda: got.append(latest.take()), daemon=True)
    taking.start()
    assert waits.wait(PATIENCE_SECONDS)
    latest.put(1)
    taking.join(PATIENCE_SECONDS)
    assert got == [1]


def test_consumer_that_is_ten_times_slower_than_the_source() -> None:
    """Both meet after each ten frames, and again when the consumer has taken the newest of them."""
    meeting = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def camera() -> Iterator[int]:
        for number in range(40):
            yield number
            if number % 10 == 9:
                meeting.wait()
                meeting.wait()

    seen = []
    with NewestFrames(camera()) as newest:
        for _ in range(4):
            meeting.wait()
            seen.append(next(newest))
            meeting.wait()
        seen.extend(newest)
    assert seen == [9, 19, 29, 39]
    assert newest.dropped == 36


def test_errors_cross_the_thread() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("the camera was pulled out")

    with NewestFrames(broken()) as newest, pytest.raises(OSError, match="pulled out"):
        for _ in newest:
            time.sleep(0.02)


def test_leaving_early_stops_the_thread() -> None:
    def endless() -> Iterator[int]:
        while True:
            time.sleep(0.001)
            yield 1

    with NewestFrames(endless()) as newest:
        assert next(newest) == 1
    assert not any(thread.name == "newest-frames" for thread in threading.enumerate())


def test_sound_that_a_live_run_leaves_out_is_named(make_clip: MakeClip, caplog: pytest.LogCaptureFixture) -> None:
    for audio, with_audio, said in (("aac", True, 1), ("aac", False, 0), (None, True, 0)):
        caplog.clear()
        with VideoReader(make_clip(frames=2, audio=audio), live=True, with_audio=with_audio):
            assert caplog.text.count("has sound, which is left out") == said


def test_reader_as_live_source(make_clip: MakeClip) -> None:
    with VideoReader(make_clip(frames=20, audio="aac"), live=True, with_audio=True) as reader:
        assert reader.info.is_live
        assert reader.info.frame_count is None
        assert reader.audio is None
        with NewestFrames(reader) as newest:
            pts = []
            for frame in newest:
                assert frame.pts is not None
                pts.append(frame.pts)
                time.sleep(0.01)
        assert pts == sorted(set(pts))
        assert len(pts) + newest.dropped == 20
