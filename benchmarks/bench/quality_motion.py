"""How far two results a moment apart differ along the motion, where a rendered scene tells it exactly.

It is the warp error of `onestep.evaluation` (Lai et al., ECCV 2018) with the scene's own flow instead of an estimate.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.luminance import luminance
from onestep.evaluation.measures.temporal import seen_in_both, warp_error
from onestep.scenes import SceneFrame

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Motion:
    """From one moment of a scene to a later one."""

    forward: NDArray[np.float32]
    """[H, W, 2], pixels (dx right, dy down) from each place to where its point is later."""
    seen: NDArray[np.bool_]
    """[H, W]: whether the point is seen at both moments."""

    def error(self, before: Picture, after: Picture) -> float:
        """Return the mean absolute difference of the lumas along the motion, in levels of 255, where both are seen.

        Args:
            before: Any picture of the first moment, uint8 [H, W, 3], RGB.
            after: The same of the later one.
        """
        return warp_error(luminance(before), luminance(after), self.forward, self.seen)


def motion_between(before: SceneFrame, after: SceneFrame) -> Motion:
    """Return the known motion between two moments of one scene and size."""
    forward = before.flow_to(after)
    return Motion(forward, seen_in_both(forward, after.flow_to(before)))


def save_motion(path: Path, motion: Motion) -> None:
    """Write a motion to an .npz file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, forward=motion.forward, seen=motion.seen)


def load_motion(path: Path) -> Motion:
    """Read a motion that `save_motion` wrote."""
    with np.load(path) as arrays:
        return Motion(arrays["forward"], arrays["seen"])
