"""A picture with what is computed from it, each once: a row that shows the same picture again costs nothing."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.instruments import Instruments
from onestep.evaluation.measures.colour import lab_histogram
from onestep.evaluation.measures.pixels import Picture


class PictureView:
    """A picture in memory and what the instruments see in it. Made, measured and forgotten."""

    def __init__(self, rgb: Picture, instruments: Instruments) -> None:
        self.rgb, self._instruments = rgb, instruments
        self._descriptions: dict[str, Any] = {}

    @cached_property
    def features(self) -> dict[str, NDArray[np.float32]]:
        """Feature vectors [D] by network."""
        return {name: net.features(self.rgb[None])[0] for name, net in self._instruments.nets.items()}

    @cached_property
    def histogram(self) -> NDArray[np.float64]:
        """Lab histogram [3, BINS]."""
        return lab_histogram(self.rgb)

    def distance_to(self, other: "PictureView", name: str) -> float:
        """Return the distance of that name to another picture of the same size."""
        return self._instruments.distances[name].between(self._description(name), other._description(name))

    def _description(self, name: str) -> Any:
        if name not in self._descriptions:
            self._descriptions[name] = self._instruments.distances[name].describe(self.rgb)
        return self._descriptions[name]
