"""Draw how the loss of a student's training went down, from the log that the training wrote.

    python scripts/learning_curve.py runs/embedded/day2night-student.log -o curve.png

Several logs are parts of one training, each drawn at its own steps under its name: one that went on after another, or
what finished it, whose loss has other weights.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import NamedTuple

from onestep.errors import InputError, OnestepError

_LINE = re.compile(r"step (?P<step>\d+)/\d+ loss (?P<loss>\d+\.\d+)")


class Point(NamedTuple):
    """One line of a log."""

    step: int
    loss: float
    """Mean since the line before."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path, nargs="+", metavar="LOG")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the picture, .png or .svg")
    options = parser.parse_args()
    try:
        draw([(_name(path, options.logs), points_of(path)) for path in options.logs], options.output)
    except (OnestepError, OSError) as err:
        print(f"learning_curve.py: {err}", file=sys.stderr)
        return 1
    print(options.output)
    return 0


def points_of(path: Path) -> list[Point]:
    """Read a log. Where a run was cut off and went on from a step before, what it did again counts.

    Raises:
        InputError: No line of it is of a training's step.
    """
    found: list[Point] = []
    for match in _LINE.finditer(path.read_text(encoding="utf-8")):
        step = int(match["step"])
        found = [point for point in found if point.step < step] + [Point(step, float(match["loss"]))]
    if not found:
        raise InputError(f"{path} has no line such as `step 50/8000 loss 0.6123`. Name a student training's log.")
    return found


def _name(path: Path, logs: list[Path]) -> str:
    """Name a log by its file, or by its folder too where several files are named alike."""
    alike = sum(other.stem == path.stem for other in logs) > 1
    return f"{path.resolve().parent.name}/{path.stem}" if alike else path.stem


def draw(parts: list[tuple[str, list[Point]]], output: Path) -> None:
    """Draw loss against step, one colour for each part, named where there are several."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 3.5), layout="constrained")
    for name, part in parts:
        axes.plot(*zip(*part, strict=True), linewidth=1.0, label=name)
    if len(parts) > 1:
        axes.legend()
    axes.set(xlabel="step", ylabel="loss", ylim=(0.0, None))
    axes.grid(alpha=0.3)
    figure.savefig(output, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
