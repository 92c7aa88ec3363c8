"""Whole videos through real small graphs."""

import _thread
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import av
import numpy as np
import pytest

import onestep.runtime
from onestep.errors import BackendError, MissingInputError, OutputError
from onestep.frame_size import FrameSize
from onestep.runtime import Progress, Session, SessionOptions, translate_video
from onestep.runtime.backends.onnxruntime_cpu import OnnxRuntimeCpuEngine
from onestep.runtime.backends.options import Aim
from onestep.runtime.report import text_from_report, write_report
from onestep.runtime.slots import Slot
from onestep.runtime.video_stages import LiveSource, VideoSource
from tests.patience import PATIENCE_SECONDS
from tests.runtime.bundles import make_bundle

MakeClip = Callable[..., Path]


def rgb_frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def test_every_frame_is_translated_in_its_place(tmp_path: Path, make_clip: MakeClip) -> None:
    def brighter(index: int, width: int, height: int) -> np.ndarray:
        return np.full((height, width, 3), 10 + 6 * index, np.uint8)

    clip = make_clip(frames=30, size=(64, 32), picture=brighter)
    bundle = make_bundle(tmp_path / "bundle", size=FrameSize(64, 32))
    report = translate_video(clip, tmp_path / "out.mp4", session=SessionOptions(bundle=bundle))
    found = [int(frame.mean()) for frame in rgb_frames(tmp_path / "out.mp4")]
    np.testing.assert_allclose(found, [255 - (10 + 6 * i) for i in range(30)], atol=3)
    assert _times(tmp_path / "out.mp4") == _times(clip)
    assert (report.frames_read, report.frames_written, report.frames_dropped) == (30, 30, 0)
    assert (report.cut_short, report.damage) == (False, None)


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (2, 2), (65, 33), (320, 180)])
@pytest.mark.parametrize("free", [False, True])
def test_output_has_the_sources_size(tmp_path: Path, make_clip: MakeClip, size: tuple[int, int], free: bool) -> None:
    codec = {} if size[0] % 2 == 0 else {"pixel_format": "yuv444p"}
    clip = make_clip(frames=3, size=size, picture=_grey, **codec)
    bundle = make_bundle(tmp_path / "bundle", free=free)
    report = translate_video(clip, tmp_path / "out.mp4", session=SessionOptions(bundle=bundle))
    frames = rgb_frames(tmp_path / "out.mp4")
    assert [frame.shape for frame in frames] == [(size[1], size[0], 3)] * 3
    np.testing.assert_allclose(frames[1].astype(int), 255 - 60, atol=3)
    assert report.source_size == FrameSize(*size)
    assert report.internal_size.is_multiple_of(32)


@pytest.mark.parametrize(
    ("live", "asked", "at_a_time"), [(False, None, 2), (False, "latency", 1), (True, None, 1), (True, "throughput", 2)]
)
def test_a_file_is_translated_for_throughput_and_a_live_source_for_latency(
    live: bool, asked: Aim | None, at_a_time: int, tmp_path: Path, make_clip: MakeClip
) -> None:
    opened: list[Session] = []
    bundle = make_bundle(tmp_path / "bundle")
    session = SessionOptions(bundle=bundle, backend="onnxruntime-cpu", threads=2, aim=asked)
    clip, output = make_clip(frames=3), tmp_path / "out.mp4"
    report = translate_video(clip, output, session=session, live=live, on_open=opened.append)
    assert opened[0].engine.depth == report.frames_at_a_time == at_a_time


def test_open_session_stays_open(tmp_path: Path, make_clip: MakeClip) -> None:
    clip = make_clip(frames=3)
    with onestep.runtime.open(make_bundle(tmp_path / "bundle")) as session:
        for name in ("one.mp4", "two.mkv"):
            report = translate_video(clip, tmp_path / name, session=session)
            assert report.frames_written == 3
            assert report.internal_size == FrameSize(64, 32)
        assert session(np.zeros((32, 64, 3), np.uint8)).min() == 255


def test_sound_is_copied_or_left_out(tmp_path: Path, make_clip: MakeClip) -> None:
    clip = make_clip(frames=10, audio="aac")
    options = SessionOptions(bundle=make_bundle(tmp_path / "bundle"))
    for audio in (True, False):
        target = tmp_path / f"{audio}.mp4"
        translate_video(clip, target, session=options, audio=audio)
        with av.open(str(target)) as container:
            assert bool(container.streams.audio) is audio


def test_progress_comes_in_order_and_ends_complete(tmp_path: Path, make_clip: MakeClip) -> None:
    told: list[Progress] = []
    opened: list[Session] = []
    translate_video(
        make_clip(frames=12),
        tmp_path / "out.mp4",
        session=SessionOptions(bundle=make_bundle(tmp_path / "bundle")),
        on_open=opened.append,
        on_progress=told.append,
    )
    written = [progress.frames_written for progress in told]
    assert written == sorted(written)
    assert told[-1].frames_written == told[-1].frames_total == 12
    assert told[-1].frames_per_second > 0
    assert told[-1].seconds_left == 0
    assert Progress(3, None, 1.0).seconds_left is None
    assert [str(session.frame_size) for session in opened] == ["64x32"]


def test_slots_are_given_back_where_memory_ran_out_for_the_last(
    tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session outlives its videos, and what a slot takes on a GPU is freed with the session only."""
    made, given_back = list[Slot](), list[Slot]()
    new_slot = OnnxRuntimeCpuEngine.new_slot

    def third_fails(engine: OnnxRuntimeCpuEngine) -> Slot:
        if len(made) == 2:
            raise BackendError("out of memory")
        made.append(new_slot(engine))
        return made[-1]

    monkeypatch.setattr(OnnxRuntimeCpuEngine, "new_slot", third_fails)
    monkeypatch.setattr(OnnxRuntimeCpuEngine, "give_back", lambda engine, slot: given_back.append(slot))
    with pytest.raises(BackendError, match="out of memory"):
        translate_video(make_clip(), tmp_path / "out.mp4", session=SessionOptions(bundle=make_bundle(tmp_path / "b")))
    assert given_back == made
    assert not (tmp_path / "out.mp4").exists()


def _hold_frame(monkeypatch: pytest.MonkeyPatch, number: int, until: Event) -> None:
    """Let the engine begin with a frame, counted from 1, only when an event has come."""
    submit, calls = OnnxRuntimeCpuEngine.submit, []

    def held(engine: OnnxRuntimeCpuEngine, slot: Slot) -> None:
        calls.append(slot)
        assert len(calls) != number or until.wait(PATIENCE_SECONDS)
        submit(engine, slot)

    monkeypatch.setattr(OnnxRuntimeCpuEngine, "submit", held)


def test_interrupt_leaves_a_playable_file_and_says_so(
    tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twentieth frame only comes out when reading was stopped."""
    interrupted, stopped, stop = list[int](), Event(), VideoSource.stop

    def noted(source: VideoSource) -> None:
        stop(source)
        stopped.set()

    def interrupt(progress: Progress) -> None:
        if progress.frames_written >= 3 and not interrupted:
            interrupted.append(progress.frames_written)
            _thread.interrupt_main()

    monkeypatch.setattr(VideoSource, "stop", noted)
    _hold_frame(monkeypatch, 20, stopped)
    clip = make_clip(frames=200, size=(320, 180))
    session = SessionOptions(bundle=make_bundle(tmp_path / "bundle"))
    report = translate_video(clip, tmp_path / "out.mp4", session=session, on_progress=interrupt)
    assert report.cut_short
    assert 3 <= report.frames_written < 30, "those that were read by then"
    assert len(rgb_frames(tmp_path / "out.mp4")) == report.frames_written == report.frames_read


def test_live_file_drops_what_the_engine_is_too_slow_for(
    tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine holds its first frame until the file has ended: what is left for it is the last frame."""
    ended, fill = Event(), LiveSource.fill

    def noted(source: LiveSource, slot: Slot) -> bool:
        more = fill(source, slot)
        if not more:
            ended.set()
        return more

    monkeypatch.setattr(LiveSource, "fill", noted)
    _hold_frame(monkeypatch, 1, ended)
    clip = make_clip(frames=20, size=(320, 180), picture=_grey)
    session = SessionOptions(bundle=make_bundle(tmp_path / "bundle"))
    report = translate_video(clip, tmp_path / "out.mp4", session=session, live=True)
    assert report.frames_read == 20
    assert report.frames_dropped >= 18
    assert report.frames_written == 20 - report.frames_dropped == len(rgb_frames(tmp_path / "out.mp4"))


def test_backend_failure_surfaces_and_keeps_what_was_written(
    tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, calls = OnnxRuntimeCpuEngine.submit, []

    def fails_at_the_fifth(engine: OnnxRuntimeCpuEngine, slot: Slot) -> None:
        calls.append(slot)
        if len(calls) == 5:
            raise BackendError("the fifth frame failed")
        submit(engine, slot)

    monkeypatch.setattr(OnnxRuntimeCpuEngine, "submit", fails_at_the_fifth)
    session = SessionOptions(bundle=make_bundle(tmp_path / "bundle"))
    with pytest.raises(BackendError, match="the fifth frame failed"):
        translate_video(make_clip(frames=20), tmp_path / "out.mp4", session=session)
    assert len(calls) == 5


def test_inputs_and_outputs_are_checked_before_the_bundle(tmp_path: Path, make_clip: MakeClip) -> None:
    session = SessionOptions(bundle=tmp_path / "no-such-bundle")
    with pytest.raises(MissingInputError, match=r"nothing\.mp4"):
        translate_video(tmp_path / "nothing.mp4", tmp_path / "out.mp4", session=session)
    clip = make_clip(frames=2)
    with pytest.raises(OutputError, match="exists"):
        translate_video(clip, make_clip("out.mp4", frames=2), session=session)


def test_turned_video_is_translated_upright(tmp_path: Path, make_clip: MakeClip) -> None:
    clip = make_clip(frames=2, size=(64, 32), turn_degrees=90)
    bundle = make_bundle(tmp_path / "bundle", free=True)
    report = translate_video(clip, tmp_path / "out.mp4", session=SessionOptions(bundle=bundle))
    assert (str(report.source_size), str(report.internal_size)) == ("32x64", "32x64")


def test_report_as_text_and_file(tmp_path: Path, make_clip: MakeClip) -> None:
    session = SessionOptions(bundle=make_bundle(tmp_path / "bundle"))
    report = translate_video(make_clip(frames=5), tmp_path / "out.mp4", session=session)
    assert 0 < report.latency_p50_ms <= report.latency_p95_ms <= report.latency_p99_ms
    assert 0 < report.end_to_end_fps <= report.engine_fps
    assert 0 < report.first_frame_seconds <= report.seconds
    write_report(report, tmp_path / "report.json", overwrite=False)
    assert (tmp_path / "report.json").read_text() == text_from_report(report)
    assert '"internal_size": "64x32"' in text_from_report(report)
    with pytest.raises(OutputError, match="does not exist"):
        write_report(report, tmp_path / "no-folder" / "report.json", overwrite=False)


GROWTH = """
import os, sys
from pathlib import Path
from onestep.runtime import SessionOptions, translate_video

resident = {}

def measure(progress):
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident[progress.frames_written] = pages * os.sysconf("SC_PAGE_SIZE")

clip, bundle, output = sys.argv[1:]
translate_video(clip, output, session=SessionOptions(bundle=Path(bundle)), on_progress=measure)
early = next(size for written, size in resident.items() if written >= 100)
print((resident[max(resident)] - early) / 1e6)
"""
"""By how many megabytes the memory of a process that does nothing else grows between frame 100 and the last one."""


def test_memory_stays_flat(tmp_path: Path, make_clip: MakeClip) -> None:
    """2000 frames that were kept would be 12 MB."""
    clip = make_clip(frames=2_100, size=(64, 32), picture=_grey)
    bundle = make_bundle(tmp_path / "bundle", kind="copy")
    command = [sys.executable, "-c", GROWTH, str(clip), str(bundle), str(tmp_path / "out.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 5


def _grey(_: int, width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 60, np.uint8)
