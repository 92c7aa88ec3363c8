"""Run a bundle over pictures, one after the other, and time each."""

import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from onestep.bundle import Bundle
from onestep.evaluation.inputs import InputPicture
from onestep.evaluation.progress import Tell
from onestep.evaluation.request import Request
from onestep.runtime.pictures import read_picture, write_picture
from onestep.runtime.session import SessionOptions, open_session


def session_options(bundle: Bundle, request: Request) -> SessionOptions:
    """Return how a request opens a bundle."""
    return SessionOptions(bundle=bundle, backend=request.backend, size=request.size, threads=request.threads)


def translate_pictures(
    options: SessionOptions, pictures: Sequence[InputPicture], folder: Path, tell: Tell
) -> tuple[dict[str, Path], list[float]]:
    """Translate pictures to PNG files in a folder, those of one size together.

    Args:
        options: How to open the bundle.
        pictures: Inputs; at least one.
        folder: Made if it is not there.
        tell: Called after each picture.

    Returns:
        The files by the inputs' names, and the latency of each picture in milliseconds: from handing the picture to the
        session to its result, resizing included, reading and writing not. One run per size before is not counted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Path] = {}
    latencies_ms = []
    for size, same in groupby(sorted(pictures, key=lambda picture: picture.size), key=lambda picture: picture.size):
        group = list(same)
        with open_session(options, source_size=size) as session:
            session(read_picture(group[0].path))
            for picture in group:
                rgb = read_picture(picture.path)
                start = time.perf_counter()
                translated = session(rgb)
                latencies_ms.append((time.perf_counter() - start) * 1000)
                made[picture.name] = folder / f"{picture.name}.png"
                write_picture(made[picture.name], translated, overwrite=True)
                tell(len(made), len(pictures))
    return made, latencies_ms
