"""Pairs of rendered frames on disk: the same scene by day and under another condition, with known truth."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onestep.errors import OutputError
from onestep.frame_size import FrameSize
from onestep.scenes import Scene
from onestep.training.students.done_file import read_done, write_done

TIMES_PER_SCENE = 3
SECONDS_BETWEEN = 1.7
_NOTE_NAME = "rendered.json"
"""Says of which seed the arrays are; folders from before it was written have none."""


@dataclass(frozen=True)
class RenderedFrames:
    """Frames of many scenes under several conditions, as memory maps.

    `frames[condition][i]` is the same view for each condition, `[N, H, W, 3] uint8`, RGB.
    """

    frames: dict[str, NDArray[np.uint8]]

    def __len__(self) -> int:
        return len(next(iter(self.frames.values())))


def render_frames(
    folder: Path, *, count: int, size: FrameSize, conditions: Sequence[str], seed: int, processes: int
) -> RenderedFrames:
    """Render frames into a folder, or open those that are there.

    Args:
        folder: Where the arrays lie; one `CONDITION.npy` each.
        count: Number of views, three per scene.
        size: Frame size in pixels.
        conditions: Names of `onestep.scenes.CONDITIONS`.
        seed: Seed of the first scene; the others follow it.
        processes: Processes that render.

    Raises:
        OutputError: What is there has another number or size, or is of another seed.
    """
    paths = {condition: folder / f"{condition}.npy" for condition in conditions}
    note, job = folder / _NOTE_NAME, {"seed": seed}
    if not all(path.exists() for path in paths.values()):
        folder.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        _render(paths, count, size, seed, processes)
        write_done(note, count, job=job)
    elif note.exists() and not read_done(note, job=job):
        raise OutputError(f"{folder} holds views of another seed than {seed}. Remove it to render them anew.")
    frames = {condition: np.load(path, mmap_mode="r") for condition, path in paths.items()}
    for condition, array in frames.items():
        if array.shape != (count, size.height, size.width, 3):
            found = f"{len(array)} views of {FrameSize(array.shape[2], array.shape[1])}"
            raise OutputError(
                f"{paths[condition]} holds {found}, and {count} of {size} were asked for. Remove {folder} to render "
                "them anew."
            )
    return RenderedFrames(frames)


def _render(paths: dict[str, Path], count: int, size: FrameSize, seed: int, processes: int) -> None:
    shape = (count, size.height, size.width, 3)
    partial = {condition: path.with_suffix(".partial") for condition, path in paths.items()}
    maps = {
        condition: np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        for condition, path in partial.items()
    }
    with ProcessPoolExecutor(processes) as pool:
        jobs = ((seed, index, size, tuple(paths)) for index in range(count))
        for index, views in enumerate(pool.map(_views, jobs, chunksize=8)):
            for condition, view in views.items():
                maps[condition][index] = view
    for condition, path in paths.items():
        maps[condition].flush()
        partial[condition].rename(path)


def _views(job: tuple[int, int, FrameSize, tuple[str, ...]]) -> dict[str, NDArray[np.uint8]]:
    seed, index, size, conditions = job
    scene = Scene.random(seed + index // TIMES_PER_SCENE)
    frame = scene.at(SECONDS_BETWEEN * (1 + index % TIMES_PER_SCENE), size=size)
    return {condition: frame.render(condition) for condition in conditions}
