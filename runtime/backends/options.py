"""How a graph is to be run, the same for every backend."""

from dataclasses import dataclass
from typing import Literal, get_args

from onestep.errors import SettingError, UnknownNameError

Aim = Literal["latency", "throughput"]
"""What a processor's threads are there for: to have each frame soon, or many frames a second."""


def check_aim(aim: str) -> None:
    """Raise UnknownNameError unless there is such an aim."""
    if aim not in get_args(Aim):
        raise UnknownNameError("aim", aim, get_args(Aim))


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """What a backend is told beside the bundle and the size."""

    threads: int | None = None
    """Processor threads that the graph may use; None takes all cores of this process. GPUs take no notice."""
    aim: Aim = "latency"
    """`throughput` lets a processor work on two frames at a time where that is faster. GPUs take no notice."""
    strength: float | None = None
    """How near a stochastic generator stays to its input: 0 is far from it, 1 is near it; None takes 0.4."""
    seed: int | None = None
    """Chooses a stochastic generator's noise; None takes 0."""

    def __post_init__(self) -> None:
        check_aim(self.aim)
        if self.threads is not None and self.threads < 1:
            raise SettingError(f"{self.threads} threads cannot run a graph; expected 1 or more.")
        if self.strength is not None and not 0.0 <= self.strength <= 1.0:
            raise SettingError(f"A strength of {self.strength} makes no sense; expected a number from 0 to 1.")
        if self.seed is not None and self.seed < 0:
            raise SettingError(f"A seed of {self.seed} cannot be used; expected a whole number from 0.")
