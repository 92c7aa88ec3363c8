"""Steadiness over time: the warp error of an output along the input's motion, beside the input's own.

After Lai et al., "Learning Blind Video Temporal Consistency" (ECCV 2018): the next frame is drawn back along the
optical flow and compared where nothing is hidden. The flow is that of the input, by OpenCV's DIS (Kroeger et al.,
ECCV 2016), since the output's own would follow its flicker; what is hidden is found by following the flow there and
back (Sundaram et al., ECCV 2010).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.luminance import luminance
from onestep.evaluation.measures.pixels import Picture, check_pair

_Plane = NDArray[np.float32]


@dataclass(frozen=True)
class WarpErrors:
    """Of two neighbouring frames, each a mean over the pixels that are seen in both."""

    output: float
    """Absolute difference of the output's luma along the motion, in levels of 255."""
    source: float
    """The same of the input."""
    ratio: float
    """The output's error over its contrast, divided by the input's error over its contrast; NaN for a still input
    without noise. Contrast is the standard deviation of the luma, so that a darker output is not called steadier."""


class WarpMeter:
    """Takes a video frame by frame, and keeps only the last one."""

    def __init__(self) -> None:
        import cv2

        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._last: tuple[Picture, _Plane, _Plane] | None = None

    def add(self, source: Picture, output: Picture) -> WarpErrors | None:
        """Compare with the frames before.

        Args:
            source: The input's frame, uint8 [H, W, 3], RGB.
            output: Its translation, of the same size.

        Returns:
            None for the first frame, and where nothing is seen in both frames.

        Raises:
            InputError: The frames differ in size.
        """
        check_pair(source, output)
        luma = luminance(source)
        now = (luma.astype(np.uint8), luma, luminance(output))
        last, self._last = self._last, now
        if last is None or last[0].shape != now[0].shape:
            return None
        forward, seen = self._motion(last[0], now[0])
        if not seen.any():
            return None
        of_source = warp_error(last[1], now[1], forward, seen)
        of_output = warp_error(last[2], now[2], forward, seen)
        relative = of_output / max(float(last[2].std()), 1.0), of_source / max(float(last[1].std()), 1.0)
        return WarpErrors(of_output, of_source, _ratio(*relative))

    def _motion(self, before: Any, after: Any) -> tuple[_Plane, NDArray[np.bool_]]:
        """Return the flow [H, W, 2] from the first frame to the second, and where it can be trusted."""
        forward = self._flow.calc(before, after, None)
        return forward, seen_in_both(forward, self._flow.calc(after, before, None))


def seen_in_both(forward: _Plane, backward: _Plane) -> NDArray[np.bool_]:
    """Tell which places of a frame are seen in the next one too: there the way there and back ends where it began.

    Args:
        forward: float32 [H, W, 2], pixels (dx right, dy down) from each place of the frame to its place in the next.
        backward: The same from the next frame to this one.

    Returns:
        bool [H, W]; False also where the flow leaves the picture.
    """
    back = _drawn_back(backward, forward)
    allowed = 0.01 * (np.square(forward).sum(axis=2) + np.square(back).sum(axis=2)) + 0.5
    height, width = forward.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    inside = (np.abs(x + forward[..., 0] - (width - 1) / 2) <= (width - 1) / 2) & (
        np.abs(y + forward[..., 1] - (height - 1) / 2) <= (height - 1) / 2
    )
    agreed: NDArray[np.bool_] = (np.square(forward + back).sum(axis=2) < allowed) & inside
    return agreed


def warp_error(before: _Plane, after: _Plane, forward: _Plane, seen: NDArray[np.bool_]) -> float:
    """Return the mean absolute difference of two frames along the motion, in the levels of the planes.

    Args:
        before: float32 [H, W], such as a luma in [0, 255].
        after: The next frame's.
        forward: float32 [H, W, 2], see `seen_in_both`.
        seen: bool [H, W]: the places that count, at least one.
    """
    return float(np.abs(_drawn_back(after, forward) - before)[seen].mean())


def _drawn_back(frame: _Plane, flow: _Plane) -> _Plane:
    """Return the frame at the places that the flow leads to."""
    import cv2

    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(cv2.remap(frame, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR), np.float32)


def _ratio(of_output: float, of_source: float) -> float:
    return of_output / of_source if of_source > 0 else float("nan")
