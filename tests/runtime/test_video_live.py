"""Newest frame wins, drops are counted, errors cross threads."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onestep.runtime.video.live import LatestFrame, NewestFrames
from onestep.runtime.video.reader import VideoReader

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
    threading.Timer(0.05, latest.put, [1]).start()
    assert latest.take(timeout_seconds=10) == 1


def test_slow_consumer_of_a_paced_source() -> None:
    def camera() -> Iterator[int]:
        for number in range(40):
            time.sleep(0.005)
            yield number

    with NewestFrames(camera()) as newest:
        seen = []
        for number in newest:
            seen.append(number)
            time.sleep(0.03)
        assert seen == sorted(set(seen))
        assert seen[-1] == 39
        assert 3 <= len(seen) < 30
        assert len(seen) + newest.dropped == 40


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
