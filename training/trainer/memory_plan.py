"""What a run will take of the memory, said before its first step, and refused with what would fit."""

from dataclasses import dataclass

from onestep.errors import TrainingError
from onestep.training.trainer.activations import KeptBytes

GIB = 2**30


@dataclass(frozen=True)
class MemoryPlan:
    """The parts of the peak, in bytes, on one process's device."""

    weights: int
    """All networks, frozen and trained."""
    gradients: int
    optimiser: int
    """Two moments per trained number."""
    average: int
    per_picture: KeptBytes
    """Activations at the peak, for each picture of the batch."""
    batch_size: int
    """Pictures of this process."""
    checkpoint_activations: bool
    free: int

    @property
    def fixed(self) -> int:
        """What does not depend on the pictures."""
        return self.weights + self.gradients + self.optimiser + self.average

    def total(self, *, batch_size: int | None = None, recomputed: bool | None = None) -> float:
        """Return the peak, as planned or as it would be."""
        again = self.checkpoint_activations if recomputed is None else recomputed
        per_picture = self.per_picture.recomputed if again else self.per_picture.plain
        return self.fixed + per_picture * (self.batch_size if batch_size is None else batch_size)

    def text(self) -> str:
        """Return the plan in one line."""
        activations = self.total() - self.fixed
        parts = {
            "weights": self.weights,
            "gradients": self.gradients,
            "optimiser": self.optimiser,
            "moving average": self.average,
            f"activations of {self.batch_size}": activations,
        }
        listed = ", ".join(f"{name} {_gib(size)}" for name, size in parts.items())
        return f"Memory plan: {listed}; together about {_gib(self.total())} of {_gib(self.free)} GiB that are free."

    def check(self) -> None:
        """Raise TrainingError, which says what would fit, if the plan is larger than what is free."""
        if self.total() > self.free:
            raise TrainingError(f"{self.text()} That does not fit. {self._what_would_fit()}")

    def _what_would_fit(self) -> str:
        if self.fixed >= self.free:
            return (
                f"The networks alone take {_gib(self.fixed)} GiB: choose a lower unet_rank, a smaller base or "
                "discriminator, or another machine."
            )
        ways = []
        plain = self._largest_batch(recomputed=False)
        again = self._largest_batch(recomputed=True)
        if not self.checkpoint_activations and plain:
            ways.append(f"a batch_size of {plain} per process")
        if again:
            size = min(again, self.batch_size)
            ways.append(f"checkpoint_activations with a batch_size of {size} per process")
        share = (self.free - self.fixed) / self.per_picture.recomputed
        if not again:
            ways.append(f"checkpoint_activations with one picture of at most {share:.0%} of the pixels")
        return f"What would fit: {', or '.join(ways)}."

    def _largest_batch(self, *, recomputed: bool) -> int:
        per_picture = self.per_picture.recomputed if recomputed else self.per_picture.plain
        return int((self.free - self.fixed) // per_picture)


def _gib(size: float) -> str:
    return f"{size / GIB:.2f}"
