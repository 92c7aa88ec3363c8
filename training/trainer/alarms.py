"""What goes wrong in ways that losses do not show, said in words."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

COPYING_BELOW = 0.1
COLLAPSED_BELOW = 0.05
_PAIRS = 64
_SIDE_PX = 64


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
        if self.moved < COPYING_BELOW * self.domains_apart:
            found.append(
                f"{direction}: the model copies its input. An output differs from its input by {self.moved:.1f} "
                f"levels; the two sides differ by {self.domains_apart:.1f}. Look at the samples; raise gan_weight or "
                "the learning rate, lower cycle_weight and identity_weight, or train longer, in float32."
            )
        if self.outputs_apart < COLLAPSED_BELOW * self.inputs_apart:
            found.append(
                f"{direction}: the model has collapsed. Outputs of different inputs differ by {self.outputs_apart:.1f} "
                f"levels, the inputs by {self.inputs_apart:.1f}. Go back to the best checkpoint; lower the learning "
                "rate or gan_weight."
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
        moved=_mean_difference(list(zip(small_in, small_out, strict=True))),
        domains_apart=_mean_difference([(a, b) for a in small_in for b in small_others]),
        outputs_apart=_mean_difference(list(combinations(small_out, 2))),
        inputs_apart=_mean_difference(list(combinations(small_in, 2))),
    )


def worse_than_at_first(measure: str, first: float, best: float, now: float) -> str | None:
    """Return what to tell the user when a measure, of which less is better, is worse than at step 0; else None."""
    if now <= first:
        return None
    kept = "best.safetensors holds the best" if best < first else "it was never better: best.safetensors is step 0"
    return (
        f"The validation is worse than at step 0: {measure} {now:.4g}, at first {first:.4g}, at best {best:.4g}. With "
        f"few pictures that is overfitting. Stop here, or lower the learning rate; {kept}."
    )


def _mean_difference(pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
    """Return the mean absolute difference over at most 64 pairs, spread evenly over all."""
    chosen = pairs[:: max(len(pairs) // _PAIRS, 1)]
    return float(np.mean([np.abs(a - b).mean() for a, b in chosen])) if chosen else float("nan")


def _small(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX), dtype=np.float64)
