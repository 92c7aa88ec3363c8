"""How good the model is on pictures that it never trained on: KID on a named feature network, edges kept, and more.

KID (Binkowski et al. 2018) compares the features of translations with those of real pictures of the target side. Edges
kept says how much of the input's structure is still there: a copy keeps all, so the two are read together, and a row
for the copied input stands in every table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from onestep.evaluation.measures.distribution import kid
from onestep.evaluation.measures.edges import edges_kept
from onestep.evaluation.networks.features import feature_net
from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.trainer.alarms import Change, change
from onestep.training.trainer.pictures import Picture, TranslatePicture

Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""`[N, H, W, 3]` to `[N, D]`."""
Distance = Callable[[Picture, Picture], float]
"""From an output to its known target; less is better."""


@dataclass(frozen=True)
class Trial:
    """One direction, and the pictures that it is tried on."""

    direction: Direction
    inputs: list[Picture]
    prompts: list[str]
    """Per input."""
    real: list[Picture]
    """Of the target side; where the truth is known, that of each input."""
    distance: Distance | None = None
    """None where the truth is not known."""


@dataclass
class Validation:
    """Measures of all directions.

    Attributes:
        trials: What is tried.
        features: The feature network of KID.
    """

    trials: list[Trial]
    features: Features
    _real: dict[Direction, NDArray[np.float32]] = field(default_factory=dict)

    def copies(self) -> dict[str, float]:
        """Return the measures of the inputs themselves."""
        measures: dict[str, float] = {}
        for trial in self.trials:
            measures |= self._measures(trial, trial.inputs)
        return self._with_score(measures)

    def run(self, translate: TranslatePicture) -> tuple[dict[str, float], dict[Direction, Change]]:
        """Translate, and return the measures and how far each direction's outputs are from inputs and each other."""
        measures: dict[str, float] = {}
        changes = {}
        for trial in self.trials:
            pairs = zip(trial.inputs, trial.prompts, strict=True)
            outputs = [translate(trial.direction, picture, prompt) for picture, prompt in pairs]
            measures |= self._measures(trial, outputs)
            changes[trial.direction] = change(trial.inputs, outputs, trial.real)
        return self._with_score(measures), changes

    def _measures(self, trial: Trial, outputs: list[Picture]) -> dict[str, float]:
        if trial.direction not in self._real:
            self._real[trial.direction] = _features_of(trial.real, self.features)
        kept = [edges_kept(source, output) for source, output in zip(trial.inputs, outputs, strict=True)]
        measures = {
            f"kid_{trial.direction}": kid(_features_of(outputs, self.features), self._real[trial.direction]),
            f"edges_kept_{trial.direction}": float(np.nanmean(kept)),
        }
        if trial.distance is not None:
            distances = [trial.distance(output, truth) for output, truth in zip(outputs, trial.real, strict=True)]
            measures["distance"] = float(np.mean(distances))
        return measures

    def _with_score(self, measures: dict[str, float]) -> dict[str, float]:
        """Add the mean KID of the directions, by which unpaired checkpoints are compared."""
        kids = [value for name, value in measures.items() if name.startswith("kid_")]
        return {**measures, "kid": float(np.mean(kids))}


def validation_table(rows: Mapping[str, Mapping[str, float]], *, title: str) -> Any:
    """Return rows of measures by name as a table of rich."""
    from rich.table import Table

    names = list(next(iter(rows.values())))
    table = Table("", *(name.replace("_", " ") for name in names), title=title)
    for row, measures in rows.items():
        table.add_row(row, *(f"{measures[name]:.4f}" for name in names))
    return table


def packaged_features(name: str, device: torch.device) -> Features:
    """Load a feature network by its name; `inception:FILE` takes the weights from a file.

    Raises:
        UnknownNameError: There is no such network.
        MissingExtraError: The package with the weights is not installed.
    """
    network, _, file = name.partition(":")
    net = feature_net(network, Path(file) if file else None)
    net.module.to(device)
    return net.features


def _features_of(pictures: list[Picture], features: Features) -> NDArray[np.float32]:
    """Take features one picture after the other: sizes may differ, and a stack of all would take much memory."""
    return np.concatenate([features(np.stack([picture])) for picture in pictures])
