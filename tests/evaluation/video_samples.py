"""Short videos from pictures."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.writer import VideoWriter


def write_video(path: Path, frames: Sequence[NDArray[np.uint8]], frames_per_second: int = 15) -> None:
    """Write frames of one size."""
    height, width = frames[0].shape[:2]
    rate = Fraction(frames_per_second)
    info = VideoInfo(width=width, height=height, time_base=1 / rate, frame_rate=rate, frame_count=len(frames))
    with VideoWriter(path, info) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, pts=index)
