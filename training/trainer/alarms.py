"""What goes wrong in ways that losses do not show, said in words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COPYING_BELOW = 0.1
COLLAPSED_BELOW = 0.05
_PAIRS = 64
_SIDE_PX = 64
_PAIRED = "paired"
_MORE_IF_PAIRED = "a higher l2_weight, perceptual_weight or gan_weight"
_MORE_IF_UNPAIRED = "a higher gan_weight or lower cycle_weight and identity_weight"
_Two = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Change:
    """How far a direction's outputs are from its inputs and from each other.

    Mean absolute differences in levels of 0 to 255, of the pictures averaged down to 64x64.
    """

    moved: float
    """From each input to its output."""
    domains_apart: float
    """From pictures of the one side to pictures of the other."""
    outputs_apart: float
    """Among the outputs."""
    inputs_apart: float
    """Among the inputs."""

    def alarms(self, direction: str) -> list[str]:
        """Return what to tell the user, nothing if all is well."""
        found = []
        weights = _MORE_IF_PAIRED if direction == _PAIRED else _MORE_IF_UNPAIRED
        if self.moved < COPYING_BELOW * self.domains_apart:
            found.append(
                f"{direction}: the model copies its input. An output differs from its input by {self.moved:.1f} "
                f"levels; the two sides differ by {self.domains_apart:.1f}. Look at the samples; train longer, or "
                f"begin a new run with {weights}, with a higher learning rate, or in float32."
            )
        if self.outputs_apart < COLLAPSED_BELOW * self.inputs_apart:
            found.append(
                f"{direction}: the model has collapsed. Outputs of different inputs differ by {self.outputs_apart:.1f} "
                f"levels, the inputs by {self.inputs_apart:.1f}. Go back to the best checkpoint, or begin a new run "
                "with a lower learning rate or gan_weight."
            )
        return found


def change(
    inputs: list[NDArray[np.uint8]], outputs: list[NDArray[np.uint8]], others: list[NDArray[np.uint8]]
) -> Change:
    """Measure a direction.

    Args:
        inputs: Pictures of the one side, `[H, W, 3]`.
        outputs: Their translations.
        others: Pictures of the other side.
    """
    small_in, small_out, small_others = (np.stack([_small(p) for p in side]) for side in (inputs, outputs, others))
    return Change(
        moved=_mean_difference(zip(small_in, small_out, strict=True)),
        domains_apart=_mean_difference(_across(small_in, small_others)),
        outputs_apart=_mean_difference(_within(small_out)),
        inputs_apart=_mean_difference(_within(small_in)),
    )


def worse_than_at_first(measure: str, first: float, best: float, now: float) -> str | None:
    """Return what to tell the user when a measure, of which less is better, is worse than at step 0; else None."""
    if now <= first:
        return None
    kept = "best.safetensors holds the best" if best < first else "it was never better: best.safetensors is step 0"
    return (
        f"The validation is worse than at step 0: {measure} {now:.4g}, at first {first:.4g}, at best {best:.4g}. With "
        f"few pictures that is overfitting. Stop here, or begin a new run with a lower learning rate; {kept}."
    )


def _mean_difference(pairs: Iterable[_Two]) -> float:
    """Return the mean absolute difference over pairs; NaN over none."""
    differences = [np.abs(a - b).mean() for a, b in pairs]
    return float(np.mean(differences)) if differences else float("nan")


def _across(side: NDArray[np.float64], other: NDArray[np.float64]) -> Iterator[_Two]:
    """Give pairs of a picture of each side."""
    for a, b in _places(len(side), len(other)):
        yield side[a], other[b]


def _within(side: NDArray[np.float64]) -> Iterator[_Two]:
    """Give pairs of two different pictures of a side."""
    for a, b in _places(len(side), len(side) - 1):
        yield side[a], side[b + (b >= a)]


def _places(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """Give at most 64 places of a table, drawn so that no pattern of their order shows; always the same ones."""
    count = rows * columns
    drawn = range(count) if count <= _PAIRS else np.random.default_rng(0).choice(count, _PAIRS, replace=False)
    return (divmod(int(index), columns) for index in drawn)


def _small(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX), dtype=np.float64)
