"""What is measured on the graph beside its row: a whole video, and other frame sizes."""

import time

from bench.kept_graphs import graph_folder
from bench.memory import check_room
from bench.reasons import reason_from
from bench.timing import Timing, paired_ratio, timing_from_samples
from bench.video_rate import engine_rate, video_rate, write_clip
from bench.workload import Workload
from onestep.bundle import Bundle, open_bundle
from onestep.errors import BackendError, OnestepError
from onestep.frame_size import FrameSize, nearest_multiples
from onestep.runtime.backends.options import Aim
from onestep.runtime.session import Session, SessionOptions, open_session

Figures = dict[str, float | str]

_SCALES = (0.5, 0.75, 1.0, 1.5)
_LEAST_VIDEO_FRAMES, _MOST_VIDEO_FRAMES = 24, 240
_REPEATS = 5


def video_figures(workload: Workload, backend: str, *, frame_seconds: float, seconds: float) -> Figures:
    """Measure a rendered clip end to end, and the engine alone before and after it.

    Args:
        workload: Whose bundle in the run's precision is exported.
        backend: Name of the backend.
        frame_seconds: How long one frame takes.
        seconds: Time to spend, about.

    Raises:
        BackendError: The time is too short.
    """
    frames = _video_frames(frame_seconds, seconds)
    if not frames:
        raise BackendError(
            f"{_LEAST_VIDEO_FRAMES} frames of {frame_seconds:.1f} s, and as many for the engine alone, do not fit into "
            f"the {max(seconds, 0):.0f} s that are left for it; raise --budget, or run benchmarks/runtime.py"
        )
    size = workload.settings.frame_size
    clip = write_clip(workload.work / "clip.mp4", size=size, frames=frames)
    with _session(workload, _bundle(workload), backend, size, aim="throughput") as session:
        engine_rate(session, frames=2)
        rate = video_rate(session, clip, workload.work / "translated.mp4", engine_frames=frames // 2)
    return {
        "size": str(size),
        "frames": rate.frames,
        "engine_fps": rate.engine_fps,
        "end_to_end_fps": rate.end_to_end_fps,
        "ratio": rate.ratio,
    }


def size_figures(
    workload: Workload, backend: str, *, frame_seconds: float, seconds: float
) -> tuple[list[Figures], list[str]]:
    """Measure the engine alone at other sizes, in turn with the run's own size, as far as the time reaches.

    Args:
        workload: Whose bundle in the run's precision is exported.
        backend: Name of the backend.
        frame_seconds: How long one frame of the run's size takes.
        seconds: Time to spend, about.

    Returns:
        The figures of each size that was measured, and for each other size why it was not.

    Raises:
        OnestepError: The graph cannot be opened at the run's size.
    """
    figures: list[Figures] = []
    left_out: list[str] = []
    bundle = _bundle(workload)
    check_room(2 * bundle.weight_bytes, limit_bytes=workload.settings.memory_limit_bytes)
    with _session(workload, bundle, backend, workload.settings.frame_size) as reference:
        for size in _sizes(workload):
            if _size_seconds(workload, size, frame_seconds) > seconds / len(_SCALES):
                left_out.append(f"{size} does not fit into the time that is left for it; raise --budget")
                continue
            try:
                figures.append(_one_size(workload, bundle, backend, size, reference))
            except OnestepError as err:  # such as an engine that was built for one size
                left_out.append(f"{size}: {reason_from(err)}")
    return figures, left_out


def reserved_seconds(workload: Workload, *, frame_seconds: float, seconds: float) -> float:
    """Return how much of a time the extras can use, in seconds.

    Args:
        workload: For the sizes.
        frame_seconds: How long one frame of the run's size takes, as far as that can be predicted.
        seconds: What they may use at most.
    """
    video = seconds / 2 if _video_frames(frame_seconds, seconds / 2) else 0.0
    each = [_size_seconds(workload, size, frame_seconds) for size in _sizes(workload)]
    return video + sum(needed for needed in each if needed <= seconds / 2 / len(_SCALES))


def sweep_sizes(size: FrameSize, multiple: int) -> list[FrameSize]:
    """Return sizes from half to one and a half times each side, in the graph's multiples."""
    scaled = [FrameSize(round(size.width * scale), round(size.height * scale)) for scale in _SCALES]
    return sorted({nearest_multiples(each, multiple)[1] for each in scaled}, key=lambda each: each.pixels)


def timed_in_turn(session: Session, reference: Session, *, repeats: int) -> tuple[Timing, Timing]:
    """Time single frames of two sessions in turn, after one of each that does not count."""
    samples: list[list[float]] = [[], []]
    starts: list[list[float]] = [[], []]
    for turn in range(repeats + 1):
        for place, each in enumerate((reference, session)):
            start, milliseconds = time.monotonic(), 1e3 / engine_rate(each, frames=1)
            if turn:
                starts[place].append(start)
                samples[place].append(milliseconds)
    of_reference, of_session = (timing_from_samples(ms, at_seconds=at) for ms, at in zip(samples, starts, strict=True))
    return of_session, of_reference


def _one_size(workload: Workload, bundle: Bundle, backend: str, size: FrameSize, reference: Session) -> Figures:
    with _session(workload, bundle, backend, size) as session:
        timing, of_reference = timed_in_turn(session, reference, repeats=_REPEATS)
    return {
        "size": str(size),
        "pixels": size.pixels,
        "median_ms": timing.median_ms,
        "fps": 1e3 / timing.median_ms,
        "reference_ms": of_reference.median_ms,
        "ratio": paired_ratio(timing, of_reference),
    }


def _video_frames(frame_seconds: float, seconds: float) -> int:
    """Return how many frames a video has that fits with the engine alone into a time; 0 where none is worth it."""
    frames = min(int(seconds / frame_seconds / 2), _MOST_VIDEO_FRAMES)
    return frames if frames >= _LEAST_VIDEO_FRAMES else 0


def _sizes(workload: Workload) -> list[FrameSize]:
    return sweep_sizes(workload.settings.frame_size, workload.packed.generator.frame_multiple)


def _size_seconds(workload: Workload, size: FrameSize, frame_seconds: float) -> float:
    return (_REPEATS + 1) * frame_seconds * (1 + size.pixels / workload.settings.frame_size.pixels)


def _bundle(workload: Workload) -> Bundle:
    return open_bundle(graph_folder(workload, workload.settings.precision))


def _session(workload: Workload, bundle: Bundle, backend: str, size: FrameSize, *, aim: Aim = "latency") -> Session:
    threads = workload.settings.thread_count
    return open_session(SessionOptions(bundle=bundle, backend=backend, size=size, threads=threads, aim=aim))
