"""What is measured on the graph beside its row: a whole video, and other frame sizes."""

from bench.timing import timing_from_samples
from bench.video_rate import engine_rate, video_rate, write_clip
from bench.workload import Workload
from onestep.bundle import open_bundle
from onestep.frame_size import FrameSize, nearest_multiples
from onestep.runtime.session import Session, SessionOptions, open_session

_SCALES = (0.5, 0.75, 1.0, 1.5)
_LEAST_VIDEO_FRAMES, _MOST_VIDEO_FRAMES = 24, 240
_REPEATS = 5


def video_figures(workload: Workload, backend: str, *, frame_seconds: float, seconds: float) -> dict[str, float | str]:
    """Measure a rendered clip end to end beside the engine alone.

    Args:
        workload: Whose bundle in the run's precision is exported.
        backend: Name of the backend.
        frame_seconds: How long one frame takes.
        seconds: Time to spend, about.
    """
    frames = min(int(seconds / frame_seconds / 2), _MOST_VIDEO_FRAMES)
    if frames < _LEAST_VIDEO_FRAMES:
        return {
            "reason": f"{_LEAST_VIDEO_FRAMES} frames of {frame_seconds:.1f} s, and as many for the engine alone, do "
            "not fit into the budget; benchmarks/runtime.py measures it alone"
        }
    size = workload.settings.frame_size
    clip = write_clip(workload.work / "clip.mp4", size=size, frames=frames)
    with _session(workload, backend, size) as session:
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
) -> list[dict[str, float | str]]:
    """Measure the engine alone at other sizes, as far as the time reaches.

    Args:
        workload: Whose bundle in the run's precision is exported.
        backend: Name of the backend.
        frame_seconds: How long one frame of the run's size takes.
        seconds: Time to spend, about.
    """
    figures: list[dict[str, float | str]] = []
    for size in sweep_sizes(workload.settings.frame_size, workload.packed.generator.frame_multiple):
        expected = frame_seconds * size.pixels / workload.settings.frame_size.pixels
        if (_REPEATS + 1) * expected > seconds / len(_SCALES):
            continue
        with _session(workload, backend, size) as session:
            engine_rate(session, frames=1)
            timing = timing_from_samples([1e3 / engine_rate(session, frames=1) for _ in range(_REPEATS)])
        median = timing.median_ms
        figures.append({"size": str(size), "pixels": size.pixels, "median_ms": median, "fps": 1e3 / median})
    return figures


def sweep_sizes(size: FrameSize, multiple: int) -> list[FrameSize]:
    """Return sizes from half to one and a half times each side, in the graph's multiples."""
    scaled = [FrameSize(round(size.width * scale), round(size.height * scale)) for scale in _SCALES]
    return sorted({nearest_multiples(each, multiple)[1] for each in scaled}, key=lambda each: each.pixels)


def _session(workload: Workload, backend: str, size: FrameSize) -> Session:
    bundle = open_bundle(workload.work / workload.settings.precision)
    threads = workload.settings.thread_count
    return open_session(SessionOptions(bundle=bundle, backend=backend, size=size, threads=threads))
