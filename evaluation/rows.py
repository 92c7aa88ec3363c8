"""One pass over the pictures: every row is measured on a picture while it is in memory, and only numbers are kept."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.inputs import InputPicture, resized_to
from onestep.evaluation.instruments import Instruments
from onestep.evaluation.material import Material
from onestep.evaluation.measures.reinhard import ColourStatistics, reinhard
from onestep.evaluation.parallel import map_pictures
from onestep.evaluation.picture_measures import input_measures, truth_measures
from onestep.evaluation.picture_view import PictureView
from onestep.evaluation.progress import Tell
from onestep.evaluation.translators import COPY_INPUT, REINHARD
from onestep.runtime.pictures import read_picture, write_picture


@dataclass
class RowRecord:
    """What is kept of one row's pictures."""

    name: str
    kind: Literal["translator", "reference"]
    values: list[dict[str, float]] = field(default_factory=list)
    """By picture and figure."""
    features: dict[str, list[NDArray[np.float32]]] = field(default_factory=lambda: defaultdict(list))
    """By network and picture, [D] each."""
    histograms: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, measured: "Measured") -> None:
        """Keep what was measured on one picture of the row."""
        self.values.append(measured.values)
        self.histograms.append(measured.histogram)
        for net, vector in measured.features.items():
            self.features[net].append(vector)


@dataclass(frozen=True)
class Measured:
    """What is kept of one picture of one row."""

    values: dict[str, float]
    features: dict[str, NDArray[np.float32]]
    histogram: NDArray[np.float64]


def measure_rows(
    material: Material,
    instruments: Instruments,
    colours: ColourStatistics | None,
    folder: Path,
    tell: Tell,
    *,
    threads: int | None = None,
) -> list[RowRecord]:
    """Measure all translators, the copied input, and Reinhard's colour transfer where the domain's colours are known.

    Args:
        material: Inputs and outputs.
        instruments: What measures.
        colours: Of the domain to reach.
        folder: Where the colour transfer's pictures are written; they are entered in `material.outputs`.
        tell: Called after each input.
        threads: Inputs in work at the same time; None takes all cores.

    Returns:
        Translators in the order of `material.outputs`, then the references.
    """
    records = [RowRecord(name, "translator") for name in material.outputs] + [RowRecord(COPY_INPUT, "reference")]
    transfers: dict[str, Path] = {}
    if colours is not None:
        records.append(RowRecord(REINHARD, "reference"))
        (folder / "outputs" / REINHARD).mkdir(parents=True, exist_ok=True)
        transfers = {each.name: folder / "outputs" / REINHARD / f"{each.name}.png" for each in material.pictures}

    def rows_of(picture: InputPicture) -> list[Measured]:
        source = PictureView(read_picture(picture.path), instruments)
        truth = _view(picture.truth, picture, instruments) if picture.truth else None
        views = [_view(files[picture.name], picture, instruments) for files in material.outputs.values()]
        views.append(source)
        if colours is not None:
            transfer = reinhard(source.rgb, colours)
            write_picture(transfers[picture.name], transfer, overwrite=True)
            views.append(PictureView(transfer, instruments))
        return [_measured(source, view, truth, instruments) for view in views]

    for measured in map_pictures(rows_of, material.pictures, threads=threads, tell=tell):
        for record, of_picture in zip(records, measured, strict=True):
            record.add(of_picture)
    if transfers:
        material.outputs[REINHARD] = transfers
    return records


def _view(path: Path, picture: InputPicture, instruments: Instruments) -> PictureView:
    return PictureView(resized_to(read_picture(path), picture.size), instruments)


def _measured(
    source: PictureView, output: PictureView, truth: PictureView | None, instruments: Instruments
) -> Measured:
    values = input_measures(source, output, instruments)
    if truth is not None:
        values |= truth_measures(output, truth, instruments)
    return Measured(values, output.features, output.histogram)
