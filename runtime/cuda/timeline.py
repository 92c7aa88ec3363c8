"""When the copies and the computation of frames ran on a GPU, from CUDA events, and how much of the copies was hidden.

Not run on a GPU where it was written.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from onestep.runtime.cuda.calls import Cuda

_MARKS_PER_FRAME = 6


class Interval(NamedTuple):
    """Milliseconds since the first mark."""

    start_ms: float
    end_ms: float

    @property
    def length_ms(self) -> float:
        """How long it lasted."""
        return self.end_ms - self.start_ms

    def shared_ms(self, other: "Interval") -> float:
        """How long both lasted at once."""
        return max(0.0, min(self.end_ms, other.end_ms) - max(self.start_ms, other.start_ms))


@dataclass(frozen=True)
class FrameTimes:
    """One frame on its way through the GPU."""

    copy_in: Interval
    compute: Interval
    copy_out: Interval


@dataclass(frozen=True)
class TimelineSummary:
    """What the times of many frames say together."""

    frames: int
    copy_in_ms: float
    """Median."""
    compute_ms: float
    copy_out_ms: float
    busy_share: float
    """Share of the time from the first computation to the last in which a frame was computed."""
    hidden_share: float
    """Share of the copies' time in which a frame was computed."""


class Timeline:
    """Marks on streams, six for each frame: the start and the end of copy in, computation and copy out.

    Args:
        cuda: On which the streams are.
    """

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._events: list[Any] = []

    def mark(self, stream: Any) -> None:
        """Note when the GPU has done everything that is on a stream by now."""
        event = self._cuda.call("cudaEventCreate")
        self._events.append(event)
        self._cuda.call("cudaEventRecord", event, stream)

    def frames(self) -> list[FrameTimes]:
        """Wait for the last mark and return the times of all frames.

        Raises:
            BackendError: CUDA failed.
        """
        for event in self._events[-_MARKS_PER_FRAME:]:
            self._cuda.call("cudaEventSynchronize", event)
        times = [float(self._cuda.call("cudaEventElapsedTime", self._events[0], event)) for event in self._events]
        return [_frame(times[first : first + _MARKS_PER_FRAME]) for first in range(0, len(times), _MARKS_PER_FRAME)]

    def close(self) -> None:
        """Free the events."""
        events, self._events = self._events, []
        for event in events:
            self._cuda.call("cudaEventDestroy", event)


def summarised(frames: Sequence[FrameTimes]) -> TimelineSummary:
    """Sum up a run.

    Args:
        frames: At least one, in the order in which they were computed; computations do not overlap.
    """
    computed = [frame.compute for frame in frames]
    copies = [copy for frame in frames for copy in (frame.copy_in, frame.copy_out)]
    span_ms = computed[-1].end_ms - computed[0].start_ms
    copied_ms = sum(copy.length_ms for copy in copies)
    hidden_ms = sum(copy.shared_ms(interval) for copy in copies for interval in computed)
    return TimelineSummary(
        frames=len(frames),
        copy_in_ms=statistics.median(frame.copy_in.length_ms for frame in frames),
        compute_ms=statistics.median(interval.length_ms for interval in computed),
        copy_out_ms=statistics.median(frame.copy_out.length_ms for frame in frames),
        busy_share=sum(interval.length_ms for interval in computed) / span_ms if span_ms else 1.0,
        hidden_share=hidden_ms / copied_ms if copied_ms else 1.0,
    )


def _frame(times: Sequence[float]) -> FrameTimes:
    starts_and_ends = zip(times[::2], times[1::2], strict=True)
    return FrameTimes(*(Interval(start, end) for start, end in starts_and_ends))
