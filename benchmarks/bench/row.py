"""A row of the table: what it claims to do for a frame, how it is opened, and what came out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.stages import Stages
from bench.timing import Timing
from bench.workload import Frame, Workload
from onestep.errors import OnestepError


@dataclass(frozen=True)
class OpenRow:
    """A row with its networks loaded."""

    call: Callable[[], list[Frame]]
    """Translate the workload's frames: bytes in host memory in, bytes in host memory out."""
    stages: Stages
    counts_unet: bool = True
    """Whether the UNet runs where a hook can count it: not inside a graph or compiled code."""
    shared_bytes: int = 0
    """Weights that the row uses and that were loaded before it."""
    close: Callable[[], None] = lambda: None
    measure_cold_start: Callable[[], dict[str, float]] | None = None
    """Give the seconds to import, open and translate the first frame in a fresh process; None where that means
    nothing."""
    graph_sha256: dict[str, str] = field(default_factory=dict)
    """Of the files of the graph that it runs, by name."""


@dataclass(frozen=True, kw_only=True)
class RowSpec:
    """A row before it is opened."""

    name: str
    family: str
    label: str
    """For the reader of the table."""
    steps: int
    """How often the UNet is called for a frame; 0 for networks without one."""
    guidance: int = 1
    """Samples per frame in each of these calls."""
    precision: str | None = None
    """In which it multiplies at the narrowest; None means the run's."""
    check: Callable[[Workload], None] = lambda workload: None
    """Raise BackendError if the row cannot run here at all, before any time or memory is planned for it."""
    prepare: Callable[[Workload], object] = lambda workload: None
    """What is done once for several rows and is not the row's own cost: the export of a graph, networks on the
    device."""
    open: Callable[[Workload, int], OpenRow]
    """Load it, to run so many steps."""
    set_up_seconds: Callable[[Workload], float] = lambda workload: 0.0
    """Estimate of the time that preparing and compiling it will take from now: the row is skipped where that would
    leave too little time for all others."""
    own_bytes: Callable[[Workload], int]
    """Estimate of the memory it takes beside the shared networks."""
    flops: Callable[[Workload], int]
    """Operations of one frame; a multiply-add is two."""
    weight_bytes: Callable[[Workload], int]
    """Weights that are read at least once for each of the UNet's calls."""

    @property
    def evaluations(self) -> int:
        """UNet evaluations per frame."""
        return self.steps * self.guidance


@dataclass(kw_only=True)
class RowResult:
    """What is known of a row after a run. Times are per frame."""

    name: str
    family: str
    label: str
    steps: int
    evaluations: int
    """UNet evaluations per frame that the row claims, and that the hook counted where it can."""
    flops: int = 0
    floor_ms: float = 0.0
    precision: str | None = None
    """In which it multiplies at the narrowest; None in reports that were kept before this was: the run's."""
    graph_sha256: dict[str, str] = field(default_factory=dict)
    """Of the files of the graph that ran, by name; empty for rows without one."""
    steps_timed: int = 0
    """Steps that were really run; fewer than `steps` means "per step x steps"."""
    timing: Timing | None = None
    device_timing: Timing | None = None
    """By the device's own events; None on a processor."""
    first_call_ms: float | None = None
    """Wall time of the very first call as it was run, compilation and allocation included."""
    opening_seconds: float | None = None
    peak_host_bytes: int | None = None
    """None where it is not known."""
    peak_device_bytes: int | None = None
    """As the device's driver counts it; None on a processor."""
    stages_ms: dict[str, float] = field(default_factory=dict)
    """Mean time by stage; what is left to the median is before, between and after them."""
    cold_start: dict[str, float] | None = None
    marks: list[str] = field(default_factory=list)
    """What a reader must know about the figures."""
    reason: str | None = None
    """Why the row could not run here."""

    @property
    def is_partial(self) -> bool:
        """Whether some of its steps were timed for all: "per step x steps"."""
        return self.steps_timed < self.steps

    @property
    def frames_per_second(self) -> float | None:
        """Of one frame after the other, without decoding and encoding."""
        return 1e3 / self.timing.median_ms if self.timing else None

    @property
    def over_floor(self) -> float | None:
        """Measured time over the least time that the device's measured rates allow."""
        return self.timing.median_ms / self.floor_ms if self.timing and self.floor_ms else None


def can_run(spec: RowSpec, workload: Workload) -> bool:
    """Return whether a row passes its own check on this machine."""
    try:
        spec.check(workload)
    except OnestepError:
        return False
    return True


def result_of(spec: RowSpec, **known: Any) -> RowResult:
    """Begin the result of a row."""
    return RowResult(
        name=spec.name,
        family=spec.family,
        label=spec.label,
        steps=spec.steps,
        evaluations=spec.evaluations,
        **known,
    )


def reference_of(rows: Iterable[RowResult], precision: str) -> RowResult | None:
    """Return the row that others are compared with: this project's graph, in the run's precision if it is there."""
    graphs = [row for row in rows if row.family == "graph"]
    same = [row for row in graphs if row.name.endswith(f"-{precision}")]
    return next(iter([*same, *graphs]), None)
