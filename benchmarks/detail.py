"""Which way up from the network's size: the source's own detail against plain filters, at the sizes of real video.

python benchmarks/detail.py
python benchmarks/detail.py --scenes 8 --json detail.json
"""

import json as json_text
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from bench.command import run_command
from bench.environment import environment
from bench.result_files import check_place, write_text
from bench.ways_up import WAYS_UP, Given, scaled

from onestep.evaluation.measures.truth import psnr
from onestep.frame_size import FrameSize, frame_size_from_text
from onestep.runtime.slots import Pixels
from onestep.scenes import Scene

NETWORK_SIZE = FrameSize(512, 288)
FIRST_SEED = 9000
"""Of scenes that no training sees."""
TIMED_RUNS = 9


def detail(
    sizes: Annotated[str, typer.Option(help="WIDTHxHEIGHT of videos, separated by commas.")] = (
        "960x540,1280x720,1920x1080"
    ),
    scenes: Annotated[int, typer.Option(min=1, help="Rendered scenes of each size.")] = 8,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file as JSON.")] = None,
) -> None:
    """Hold ways up against the known night of full size; the known night made small stands for the network's result."""
    asked = [frame_size_from_text(size) for size in sizes.split(",")]
    if json is not None:
        check_place(json)
    found = environment(device="cpu", threads=1)
    cv2.setNumThreads(1)
    rows = [row for size in asked for row in _rows(size, range(FIRST_SEED, FIRST_SEED + scenes))]
    print(_table(rows))
    if json is not None:
        figures = {"network_size": str(NETWORK_SIZE), "scenes": scenes, "rows": rows, "environment": found}
        write_text(json, json_text.dumps(figures, indent=2) + "\n")


def _rows(size: FrameSize, seeds: Sequence[int]) -> list[dict[str, Any]]:
    pairs = [_pair(seed, size) for seed in seeds]
    times = _times_ms(pairs[0][0])
    rows = []
    for name, way in WAYS_UP.items():
        results = [(way(given), truth) for given, truth in pairs]
        rows.append(
            {
                "size": str(size),
                "way": name,
                "psnr_db": statistics.mean(psnr(result, truth) for result, truth in results),
                "edge_error": statistics.mean(_edge_error(result, truth) for result, truth in results),
                "one_core_ms": times[name],
            }
        )
    return rows


def _pair(seed: int, size: FrameSize) -> tuple[Given, Pixels]:
    """Return what a way up is given, and the known night at full size."""
    frame = Scene.random(seed).at(1.0, size=size)
    day, night = frame.render("day"), frame.render("night")
    small = np.empty((NETWORK_SIZE.height, NETWORK_SIZE.width, 3), np.uint8)
    return Given(day, scaled(day, small, "bicubic"), scaled(night, small, "bicubic")), night


def _times_ms(given: Given) -> dict[str, float]:
    """Return the median time of each way, timed in turn."""
    times: dict[str, list[float]] = {name: [] for name in WAYS_UP}
    for _ in range(TIMED_RUNS + 1):
        for name, way in WAYS_UP.items():
            start = time.perf_counter()
            way(given)
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(of_way[1:]) for name, of_way in times.items()}


def _edge_error(result: Pixels, truth: Pixels) -> float:
    """Mean difference of the lengths of the lumas' gradients (Sobel), in levels of 255 per 8 pixels."""
    of_result, of_truth = (_gradient_length(picture) for picture in (result, truth))
    return float(np.abs(of_result - of_truth).mean())


def _gradient_length(picture: Pixels) -> Any:
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return cv2.magnitude(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1))


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| video | way up | PSNR dB | mean error of edges | ms on one core |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for row in rows:
        values = f"{row['psnr_db']:.1f} | {row['edge_error']:.2f} | {row['one_core_ms']:.1f}"
        lines.append(f"| {row['size']} | {row['way']} | {values} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(detail)
