"""What one pass over a video and its translation showed about time."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.flicker import cell_brightness, cell_flicker
from onestep.evaluation.measures.pixels import Picture
from onestep.evaluation.measures.temporal import WarpMeter


@dataclass
class VideoFindings:
    """Figures of every pair of neighbouring frames, and the flicker of every cell."""

    frames: int = 0
    warp_errors: list[float] = field(default_factory=list)
    warp_errors_of_source: list[float] = field(default_factory=list)
    warp_ratios: list[float] = field(default_factory=list)
    flicker_of_source: NDArray[np.float64] | None = None
    """Mean squares, [cells]; None where the video is too short or too slow."""
    flicker_of_output: NDArray[np.float64] | None = None

    def of_the_input(self) -> "VideoFindings":
        """Return the findings of a translator that copies its input."""
        return VideoFindings(
            frames=self.frames,
            warp_errors=self.warp_errors_of_source,
            warp_errors_of_source=self.warp_errors_of_source,
            warp_ratios=[1.0] * len(self.warp_errors_of_source),
            flicker_of_source=self.flicker_of_source,
            flicker_of_output=self.flicker_of_source,
        )


class VideoMeter:
    """Takes a video and its translation frame by frame; keeps a few numbers of each frame."""

    def __init__(self) -> None:
        self._warp = WarpMeter()
        self._findings = VideoFindings()
        self._brightness: tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]] = ([], [])

    def add(self, source: Picture, output: Picture) -> None:
        """Measure the next frame and its translation of the same size."""
        errors = self._warp.add(source, output)
        if errors is not None:
            self._findings.warp_errors.append(errors.output)
            self._findings.warp_errors_of_source.append(errors.source)
            self._findings.warp_ratios.append(errors.ratio)
        for series, picture in zip(self._brightness, (source, output), strict=True):
            series.append(cell_brightness(picture))
        self._findings.frames += 1

    def findings(self, frames_per_second: float) -> VideoFindings:
        """Return what was found over all frames; at least one was added."""
        of_source, of_output = (cell_flicker(np.stack(series), frames_per_second) for series in self._brightness)
        self._findings.flicker_of_source, self._findings.flicker_of_output = of_source, of_output
        return self._findings
