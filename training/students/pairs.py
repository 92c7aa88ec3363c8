"""Two moments of a rendered scene, a few hundredths of a second apart, with the flow between them, on disk."""

import fcntl
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onestep.atomic import check_disk
from onestep.errors import OutputError
from onestep.frame_size import FrameSize
from onestep.scenes import Scene, SceneFrame
from onestep.training.students.done_file import read_done, write_done

PAIRS_PER_SCENE = 3
SECONDS_BETWEEN_PAIRS = 1.7
VARIED_EVERY = 2
"""One scene in so many has what no plan of a road foresees; see `Scene.with_variety`."""
SHORTEST_SECONDS, LONGEST_SECONDS = 0.03, 0.12
"""Between the two moments: about one to three frames of a video."""

MOST_LEVELS_APART = 2.0
"""Pairs are those of today if no place differs by as many levels from how it would be rendered."""
_PLACE_PX = 8

_FLOW = "flow"
_STATE_NAME = "rendering.json"
_SAVE_EVERY = 24


@dataclass(frozen=True)
class RenderedPairs:
    """Pairs of moments under several conditions, as memory maps."""

    frames: dict[str, NDArray[np.uint8]]
    """For each condition `[N, 2, H, W, 3] uint8`, RGB: the earlier and the later moment."""
    flow: NDArray[np.float16]
    """`[N, H, W, 2] float16`: where each pixel of the later moment was in the earlier one, (dx, dy) in pixels."""

    def __len__(self) -> int:
        return len(self.flow)


def render_pairs(
    folder: Path,
    *,
    count: int,
    size: FrameSize,
    conditions: Sequence[str],
    seed: int,
    processes: int,
    on_pair: Callable[[int, int | None], None] = lambda done, total: None,
) -> RenderedPairs:
    """Render pairs into a folder, and open those that are there already; a run that was cut off goes on.

    Several processes may ask for the same folder: one renders, the others wait.

    Args:
        folder: Where the arrays lie: `flow.npy` and one `CONDITION.npy` each.
        count: Number of pairs, three per scene.
        size: Frame size in pixels.
        conditions: Names of `onestep.scenes.CONDITIONS`.
        seed: Seed of the first scene; the others follow it.
        processes: Processes that render.
        on_pair: Called with how many pairs are done, and how many there will be.

    Raises:
        OutputError: Arrays of another number of pairs, another size, another seed or older scenes lie there, or the
            disk has no room.
    """
    paths = {name: folder / f"{name}.npy" for name in (*conditions, _FLOW)}
    if all(path.exists() for path in paths.values()):
        _check_there(paths, count, size, seed)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone_in(folder):
            there = {name: path for name, path in paths.items() if path.exists()}
            _check_there(there, count, size, seed)
            if missing := {name: path for name, path in paths.items() if name not in there}:
                _render(missing, count, size, seed, processes, on_pair)
    maps = {name: np.load(path, mmap_mode="r") for name, path in paths.items()}
    flow = maps.pop(_FLOW)
    return RenderedPairs(maps, flow)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process renders into a folder, and let none begin. What it made is there then."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _check_there(paths: dict[str, Path], count: int, size: FrameSize, seed: int) -> None:
    """Refuse arrays that are not what would be rendered today."""
    maps = {name: np.load(path, mmap_mode="r") for name, path in paths.items()}
    for name, shape in _shapes(paths, count, size).items():
        if maps[name].shape != shape:
            raise OutputError(
                f"{paths[name]} holds an array of {maps[name].shape}; {count} pairs of {size} make {shape}. Remove the "
                "folder, or choose another one."
            )
    if paths and not _is_of_today(maps, count, size, seed):
        raise OutputError(
            f"{', '.join(map(str, paths.values()))}: such pairs are rendered otherwise today, those are of another "
            "seed or of older scenes. Remove the folder, or choose another one."
        )


def _is_of_today(maps: Mapping[str, NDArray[np.generic]], count: int, size: FrameSize, seed: int) -> bool:
    """Return whether the first, the middle and the last of so many pairs would look the same today.

    What another processor rounds otherwise may differ, a lamp may not: places of 8x8 pixels are compared.
    """
    names = tuple(name for name in maps if name != _FLOW)
    for index in sorted({0, count // 2, count - 1}):
        for name, now in _pair((seed, index, size, names)).items():
            difference = np.abs(maps[name][index].astype(np.float32) - now.astype(np.float32)).max(axis=-1)
            if float(_place_means(difference).max()) >= MOST_LEVELS_APART:
                return False
    return True


def _place_means(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of each place of 8x8 pixels of `[2, H, W]`; what does not fill a place is left out."""
    moments, height, width = pictures.shape
    side = min(_PLACE_PX, height, width)
    rows, columns = height // side, width // side
    places = pictures[:, : rows * side, : columns * side].reshape(moments, rows, side, columns, side)
    means: NDArray[np.float32] = places.mean(axis=(2, 4))
    return means


def _shapes(names: Iterable[str], count: int, size: FrameSize) -> dict[str, tuple[int, ...]]:
    pictures, flow = (count, 2, size.height, size.width, 3), (count, size.height, size.width, 2)
    return {name: flow if name == _FLOW else pictures for name in names}


def _render(
    paths: dict[str, Path],
    count: int,
    size: FrameSize,
    seed: int,
    processes: int,
    on_pair: Callable[[int, int | None], None],
) -> None:
    partial = {name: path.with_suffix(".partial") for name, path in paths.items()}
    state = next(iter(paths.values())).with_name(_STATE_NAME)
    names, job = tuple(paths), {"names": sorted(paths), "count": count, "size": str(size), "seed": seed}
    shapes = _shapes(paths, count, size)
    done = read_done(state, job=job) if all(path.exists() for path in partial.values()) else 0
    if done and not _is_of_today(_opened(partial, shapes, mode="r+"), done, size, seed):
        done = 0
    if not done:
        needed = sum(math.prod(shapes[name]) * _dtype(name).itemsize for name in shapes)
        check_disk(state, needed_bytes=needed, advice="name another folder with --work")
    maps = _opened(partial, shapes, mode="r+" if done else "w+")
    with ProcessPoolExecutor(processes) as pool:
        jobs = ((seed, index, size, names) for index in range(done, count))
        for index, arrays in enumerate(pool.map(_pair, jobs, chunksize=PAIRS_PER_SCENE), start=done):
            for name, array in arrays.items():
                maps[name][index] = array
            if (index + 1) % _SAVE_EVERY == 0 or index + 1 == count:
                for kept in maps.values():
                    kept.flush()
                write_done(state, index + 1, job=job)
            on_pair(index + 1, count)
    for name, path in paths.items():
        partial[name].rename(path)
    state.unlink()


def _opened(paths: dict[str, Path], shapes: dict[str, tuple[int, ...]], *, mode: Literal["r+", "w+"]) -> dict[str, Any]:
    return {
        name: np.lib.format.open_memmap(path, mode=mode, dtype=_dtype(name), shape=shapes[name])
        for name, path in paths.items()
    }


def _dtype(name: str) -> np.dtype[np.generic]:
    return np.dtype(np.float16 if name == _FLOW else np.uint8)


def _pair(job: tuple[int, int, FrameSize, tuple[str, ...]]) -> dict[str, NDArray[np.generic]]:
    seed, index, size, names = job
    number = index // PAIRS_PER_SCENE
    scene = Scene.random(seed + number)
    if number % VARIED_EVERY == 0:
        scene = scene.with_variety()
    start = SECONDS_BETWEEN_PAIRS * (1 + index % PAIRS_PER_SCENE)
    step = float(np.random.default_rng([seed, index]).uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
    earlier, later = scene.at(start, size=size), scene.at(start + step, size=size)
    return {
        name: _flow(earlier, later, size) if name == _FLOW else np.stack([earlier.render(name), later.render(name)])
        for name in names
    }


def _flow(earlier: SceneFrame, later: SceneFrame, size: FrameSize) -> NDArray[np.float16]:
    limit = np.float32(size.width)  # what left the picture long ago needs no exact place, and fits float16
    return np.clip(later.flow_to(earlier), -limit, limit).astype(np.float16)
