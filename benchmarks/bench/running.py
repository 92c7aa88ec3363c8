"""A row that is open, and what was measured of it so far."""

from dataclasses import dataclass, field

from bench.clock import CallTime
from bench.row import OpenRow, RowResult, RowSpec
from bench.timing import FEW_SAMPLES, timing_from_samples

PARTIAL_MARK, FEW_MARK = "per step x steps", "few repeats"
_ONCE = ("encoder", "decoder", "adapter")
"""Stages that run once for a frame, however many steps there are."""


@dataclass
class Running:
    """A row that is open."""

    spec: RowSpec
    result: RowResult
    row: OpenRow
    call_seconds: float = 0.0
    """Of the last call before the turns."""
    host_ms: list[float] = field(default_factory=list)
    at_seconds: list[float] = field(default_factory=list)
    """When each of these calls began."""
    ended_seconds: list[float] = field(default_factory=list)
    """When each ended."""
    device_ms: list[float] = field(default_factory=list)
    stages_ms: list[dict[str, float]] = field(default_factory=list)

    @property
    def scale(self) -> float:
        """Whole steps over timed steps."""
        return self.spec.steps / self.result.steps_timed if self.result.steps_timed else 1.0

    def add(self, timed: CallTime, *, began: float, ended: float) -> None:
        """Keep a call that has just been timed.

        Args:
            timed: Its time.
            began: When, in seconds on a clock that all rows share.
            ended: The same of its end.
        """
        missing_ms = self.row.stages.step_ms() * (self.spec.steps - self.result.steps_timed)
        self.host_ms.append(timed.host_ms + missing_ms)
        self.at_seconds.append(began)
        self.ended_seconds.append(ended)
        if timed.device_ms is not None:
            self.device_ms.append(timed.device_ms + missing_ms)
        self.stages_ms.append(self.row.stages.milliseconds())

    def summarise(self, batch: int) -> None:
        """Put the samples into the result, per frame of calls with `batch` frames."""
        result = self.result
        if not self.host_ms:
            return
        result.timing = timing_from_samples(
            [each / batch for each in self.host_ms], at_seconds=self.at_seconds, ended_seconds=self.ended_seconds
        )
        if self.device_ms:
            result.device_timing = timing_from_samples([each / batch for each in self.device_ms])
        names, turns = self.stages_ms[0], len(self.stages_ms)
        means = {name: sum(each[name] for each in self.stages_ms) / turns for name in names}
        result.stages_ms = {n: ms / batch * (1.0 if n in _ONCE else self.scale) for n, ms in means.items()}
        if result.is_partial:
            result.marks.append(f"{PARTIAL_MARK} ({result.steps_timed} of {result.steps} steps timed)")
        if result.timing.count < FEW_SAMPLES:
            result.marks.append(f"{FEW_MARK} ({result.timing.count})")
