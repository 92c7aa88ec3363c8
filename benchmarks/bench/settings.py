"""What the user asked for, checked before anything is loaded."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from onestep.errors import SettingError, UnknownNameError
from onestep.frame_size import FrameSize
from onestep.usable_cores import usable_cores

Device = Literal["cpu", "cuda"]
TorchPrecision = Literal["fp32", "fp16"]

DEFAULT_SIZES = {"tiny": FrameSize(512, 288)}
_OTHER_SIZE = FrameSize(512, 512)
DEFAULT_BUDGET_SECONDS = 155.0
"""What is left of three minutes when Python has started and the pictures are drawn."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One run of the table."""

    base: str = "tiny"
    """`tiny`, `sd-turbo`, or the folder of a base or generator."""
    random_weights: bool = False
    """Build the base with random weights: times do not depend on their values."""
    size: FrameSize | None = None
    """Frame size in pixels; None takes 512x288 for `tiny`, 512x512 for others."""
    batch: int = 1
    """Frames per call. Times are given per frame."""
    precision: str = "fp32"
    """Of the rows that run in PyTorch; the graph has a row for each of its own precisions."""
    device: str = "cpu"
    rows: tuple[str, ...] = ()
    """Names of rows or families; empty means all."""
    steps: int | None = None
    """Run so many steps of each multi-step row at most, and mark the row "per step x steps"."""
    strength: float = 0.8
    """Of SDEdit: the share of the steps that is run."""
    repeats: int = 30
    warmup: int = 1
    """Calls after the first that are not counted. The first call of a row slower than a second is its warm-up."""
    budget_seconds: float = DEFAULT_BUDGET_SECONDS
    """For the whole run, set-up included; set-up that takes longer is not cut short."""
    threads: int = 0
    """Processor threads of a row; 0 takes all cores of this process."""
    memory_limit_bytes: float | None = None
    """Rows that would take this process beyond it are skipped."""

    def __post_init__(self) -> None:
        for kind, name, known in (("device", self.device, Device), ("precision", self.precision, TorchPrecision)):
            if name not in get_args(known):
                raise UnknownNameError(kind, name, get_args(known))
        if not 0 < self.strength <= 1:
            raise SettingError(f"A strength of {self.strength} is no share of the steps; expected above 0, up to 1.")
        whole = {"batch": (self.batch, 1), "repeats": (self.repeats, 1), "warmup": (self.warmup, 0)}
        for name, (value, least) in (whole | {"threads": (self.threads, 0)}).items():
            if value < least:
                raise SettingError(f"--{name} {value} is too few; expected {least} or more.")
        if self.steps is not None and self.steps < 2:
            raise SettingError(f"--steps {self.steps} is too few: the time of a step lies between two of them.")
        if not 0 < self.budget_seconds < math.inf:
            raise SettingError(
                f"--budget {self.budget_seconds:g} is no time to measure in; expected seconds, more than 0."
            )
        if self.memory_limit_bytes is not None and not 0 < self.memory_limit_bytes < math.inf:
            raise SettingError(
                f"--memory-limit {self.memory_limit_bytes / 1e9:g} is no limit; expected gigabytes, more than 0. Leave "
                "it out to go as far as the machine's own memory."
            )

    @property
    def frame_size(self) -> FrameSize:
        """Frame size in pixels."""
        return self.size or DEFAULT_SIZES.get(self.base, _OTHER_SIZE)

    @property
    def thread_count(self) -> int:
        """Processor threads of a row."""
        return self.threads or usable_cores()
