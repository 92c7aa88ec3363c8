"""Pictures of a learning benchmark: the run's own validation and losses against steps, and a sheet of test views."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onestep.errors import InputError, OutputError, require
from onestep.training.trainer.history import COPY
from onestep.training.trainer.run_folder import RunFolder

_DPI = 130
_COLOUR, _COPY_COLOUR = "#33557f", "#cc3311"


def validation_rows(run: RunFolder) -> tuple[dict[int, dict[str, float]], dict[str, float]]:
    """Return the measures of each validation by its step, and those of the copied input.

    Raises:
        InputError: The run holds no validation, or one that cannot be read.
    """
    try:
        content = json.loads(run.validation.read_text(encoding="utf-8"))
        return {int(step): row for step, row in content["steps"].items()}, content[COPY]
    except (OSError, ValueError, KeyError) as err:
        raise InputError(f"{run.validation} cannot be read ({err}). It must be of a run that was validated.") from err


def logged_losses(run: RunFolder) -> dict[str, list[tuple[int, float]]]:
    """Return each loss of the log as (step, value); what validation logged is left out."""
    rows, _ = validation_rows(run)
    measures = {name for row in rows.values() for name in row}
    losses: dict[str, list[tuple[int, float]]] = {}
    for line in run.log.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        step = values.pop("step")
        for name, value in values.items():
            if name not in measures:
                losses.setdefault(name, []).append((step, value))
    return losses


def draw_learning_curve(run: RunFolder, path: Path, *, title: str) -> Path:
    """Draw each measure of the validation, with the copied input as a line, and the losses, against steps.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: The run holds no validation.
        OutputError: The picture cannot be written.
    """
    rows, copies = validation_rows(run)
    names = list(copies)
    figure = _figure(7.2, 2.1 * (len(names) + 1))
    all_axes = figure.subplots(len(names) + 1, 1, sharex=True)
    for axes, name in zip(all_axes, names, strict=False):
        axes.plot(list(rows), [row[name] for row in rows.values()], marker="o", color=_COLOUR, label="validation")
        axes.axhline(copies[name], color=_COPY_COLOUR, linestyle="--", label=COPY)
        axes.set_ylabel(name.replace("_", " "))
    all_axes[0].legend(fontsize=8, frameon=False)
    all_axes[0].set_title(title)
    for name, points in logged_losses(run).items():
        if any(value > 0 for _, value in points):
            all_axes[-1].plot(*zip(*points, strict=True), label=name, linewidth=0.8)
    all_axes[-1].set(yscale="log", xlabel="steps", ylabel="as logged")
    all_axes[-1].legend(fontsize=6, frameon=False, ncols=2)
    return _save(figure, path)


def draw_contact_sheet(columns: Mapping[str, Sequence[NDArray[np.uint8]]], path: Path, *, views: int) -> Path:
    """Draw some views, spread over all, as rows: one column for each name.

    Args:
        columns: Pictures by the column's name, as many in each.
        path: The PNG.
        views: Number of rows at most.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: The picture cannot be written.
    """
    pictures = list(columns.values())
    count = min(views, len(pictures[0]))
    chosen = [index * len(pictures[0]) // count for index in range(count)]
    height, width = pictures[0][0].shape[:2]
    figure = _figure(2.2 * len(columns), 2.2 * count * height / width + 0.3)
    all_axes = figure.subplots(count, len(columns), squeeze=False)
    for row, index in zip(all_axes, chosen, strict=True):
        for axes, column in zip(row, pictures, strict=True):
            axes.imshow(column[index])
            axes.set_axis_off()
    for axes, name in zip(all_axes[0], columns, strict=True):
        axes.set_title(name, fontsize=8)
    return _save(figure, path)


def _figure(width_inches: float, height_inches: float) -> Any:
    """Return a figure without matplotlib's global state."""
    require("matplotlib", extra="bench", purpose="draw the pictures of a benchmark")
    from matplotlib.figure import Figure

    return Figure(figsize=(width_inches, height_inches), layout="constrained")


def _save(figure: Any, path: Path) -> Path:
    try:
        figure.savefig(path, dpi=_DPI)
    except OSError as err:
        raise OutputError(f"{path} cannot be written ({err.strerror}). Choose another place.") from err
    return path
