"""Scores of a day-to-night translator on views whose night is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.edges import edges_kept
from onestep.evaluation.measures.reinhard import ColourSums, reinhard
from onestep.evaluation.measures.truth import psnr, ssim
from onestep.evaluation.networks.distances import PairDistance

Picture = NDArray[np.uint8]
Translator = Callable[[Picture], Picture]

MEASURES: Final = {
    "psnr_db": "PSNR against the known night, dB, more is better",
    "ssim": "SSIM against the known night, more is better",
    "st_lpips": "ST-LPIPS (AlexNet) to the known night, less is better",
    "edges_kept": "share of the input's edges in the output, more is better; unrelated pictures reach about 0.2",
}


@dataclass(frozen=True)
class ScoredRow:
    """One translator's outputs, and its measures view by view."""

    name: str
    outputs: list[Picture]
    per_view: dict[str, list[float]]

    @property
    def means(self) -> dict[str, float]:
        """Means over the views; views without edges do not count for edges kept."""
        return {name: float(np.nanmean(values)) for name, values in self.per_view.items()}


def scored_row(
    name: str,
    translate: Translator,
    *,
    inputs: Sequence[Picture],
    truths: Sequence[Picture],
    distance: PairDistance,
) -> ScoredRow:
    """Translate all inputs and score each output.

    Args:
        name: Of the row.
        translate: From day to night.
        inputs: Views by day, uint8 [H, W, 3], RGB.
        truths: The same views by night.
        distance: ST-LPIPS.
    """
    outputs = [translate(picture) for picture in inputs]
    views = [
        _measures(source, output, truth, distance)
        for source, output, truth in zip(inputs, outputs, truths, strict=True)
    ]
    return ScoredRow(name, outputs, {measure: [view[measure] for view in views] for measure in MEASURES})


def copy_input(picture: Picture) -> Picture:
    """Return the input: what any translator has to beat."""
    return picture


def colour_transfer(nights: Sequence[Picture]) -> Translator:
    """Return Reinhard's colour transfer to the statistics of all pixels of the training nights."""
    sums = ColourSums()
    for night in nights:
        sums.add(night)
    target = sums.statistics()
    return lambda picture: reinhard(picture, target)


def _measures(source: Picture, output: Picture, truth: Picture, distance: PairDistance) -> dict[str, float]:
    return {
        "psnr_db": psnr(output, truth),
        "ssim": ssim(output, truth),
        "st_lpips": distance.between(distance.describe(output), distance.describe(truth)),
        "edges_kept": edges_kept(source, output),
    }
