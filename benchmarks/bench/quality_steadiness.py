"""How steady results are from one moment to the next: each method on views and on the same views 0.04 s later."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.quality_figures import MoreFigures
from bench.quality_material import LATER_SECONDS, QualityMaterial
from bench.quality_motion import Motion, load_motion
from onestep.evaluation.measures.bootstrap import mean_interval
from onestep.evaluation.progress import Tell
from onestep.evaluation.results import Figure
from onestep.runtime.pictures import find_pictures, read_picture

Picture = NDArray[np.uint8]
Method = Callable[[Picture], Picture]
"""A picture, uint8 [H, W, 3], RGB, to its translation of the same size."""

TRUTH: Final = "truth"
KNOWN_FLOW: Final = "warp_error_known_flow"
_DEFINITION: Final = (
    f"Mean difference of the lumas of two results {LATER_SECONDS} s apart along the scene's known motion, in levels of "
    "255, over the places that are seen at both moments; mean over the views."
)


def known_flow_figures(material: QualityMaterial, methods: Mapping[str, Method], tell: Tell) -> MoreFigures:
    """Measure the warp error along the known motion, for every method and for the truth.

    Args:
        material: Rendered views and their motion.
        methods: By the name of the row.
        tell: Called after each view.
    """
    errors: dict[str, list[float]] = {row: [] for row in (*methods, TRUTH)}
    views = find_pictures(material.inputs)
    for index, path in enumerate(views):
        motion = load_motion(material.motion / f"{path.stem}.npz")
        before, after = read_picture(path), read_picture(material.later_inputs / path.name)
        for row, method in methods.items():
            errors[row].append(motion.error(method(before), method(after)))
        errors[TRUTH].append(_error_of_truth(material, path.name, motion))
        tell(index + 1, len(views))
    return {row: {KNOWN_FLOW: _figure(np.array(values))} for row, values in errors.items()}


def _error_of_truth(material: QualityMaterial, name: str, motion: Motion) -> float:
    return motion.error(read_picture(material.truth / name), read_picture(material.later_truth / name))


def _figure(errors: NDArray[np.float64]) -> Figure:
    low, high = mean_interval(errors) or (None, None)
    return Figure(KNOWN_FLOW, "levels", "lower", float(errors.mean()), low, high, len(errors), "", _DEFINITION)
