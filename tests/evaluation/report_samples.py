"""A small evaluation with pictures on disk, made without measuring anything."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from onestep.evaluation.results import Clip, Evaluation, Figure, PictureRef, Row, Verdict
from onestep.runtime.pictures import write_picture

COUNT = 5
EDGES = "Share of the input's edges that the output has too."
VALUES = {"ours": [0.5, 0.9, 0.7, 0.8, 0.6], "other": [0.2, 0.1, 0.3, 0.5, 0.4], "copy-input": [1.0] * 5}


def sample_evaluation(folder: Path, *, name: str = "frame", clips: list[Clip] | None = None) -> Evaluation:
    """Return two translators and a reference on five pictures of 64x32."""
    return Evaluation(
        title="Two translators on five pictures",
        created="2026-03-04T12:30:00+00:00",
        command="onestep evaluate --inputs day -o report",
        rows=[_row(each, values) for each, values in VALUES.items()],
        pictures=[_picture(folder, f"{name}{number}") for number in range(COUNT)],
        clips=clips or [],
        verdicts=[
            Verdict("edges_kept", ">= 0.75", "ours", 0.7, False, "0.7 is below 0.75"),
            Verdict("psnr", ">= 20", "ours", 24.123, True, ""),
            Verdict("dino", "<= 0.1", "ours", None, False, "not measured: no weights were given"),
        ],
        environment={"python": "3.11"},
        licences={"tiny base": "MIT"},
        notes=["night/9.png cannot be read: left out."],
    )


def with_name(evaluation: Evaluation, text: str) -> Evaluation:
    """Return the evaluation with a text wherever a text can stand."""
    rows = [replace(row, name=row.name + text) for row in evaluation.rows]
    rows = [
        replace(row, figures={key: replace(figure, definition=text, unit=text) for key, figure in row.figures.items()})
        for row in rows
    ]
    pictures = [
        replace(picture, name=text, outputs={name + text: path for name, path in picture.outputs.items()})
        for picture in evaluation.pictures
    ]
    verdicts = [
        replace(verdict, kpi=verdict.kpi + text, condition=text, row=text, reason=text)
        for verdict in evaluation.verdicts
    ]
    spoilt = replace(evaluation, title=text, command=text, rows=rows, pictures=pictures, verdicts=verdicts)
    return replace(spoilt, environment={text: text}, licences={text: text}, notes=[text])


def _row(name: str, values: list[float]) -> Row:
    mean = float(np.mean(values))
    figures = {
        "edges_kept": Figure("edges_kept", "", "higher", mean, mean - 0.05, mean + 0.05, COUNT, "", EDGES),
        "psnr": Figure("psnr", "dB", "higher", 24.123, 22.0, 26.0, COUNT, "", "Peak signal-to-noise ratio."),
        "dino": Figure("dino", "", "lower", None, None, None, 0, "no DINO weights were given", "DINO distance."),
    }
    kind: Literal["reference", "translator"] = "reference" if name == "copy-input" else "translator"
    return Row(name, kind, figures, {"edges_kept": values})


def _picture(folder: Path, name: str) -> PictureRef:
    paths = {part: folder / part / f"{name}.png" for part in ("input", "target", "truth", "ours", "other")}
    for number, path in enumerate(paths.values()):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, np.full((32, 64, 3), 40 * number, np.uint8), overwrite=True)
    outputs = {row: paths[row] for row in ("ours", "other")}
    return PictureRef(f"{name}.png", paths["input"], paths["target"], paths["truth"], outputs)
