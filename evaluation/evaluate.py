"""A whole evaluation: material, one pass over it, figures, verdicts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.domain_sample import DomainSample, domain_sample, picture_features
from onestep.evaluation.environment import environment
from onestep.evaluation.figures import (
    Context,
    domain_figures,
    mean_figures,
    per_picture_values,
    unmeasured_figures,
)
from onestep.evaluation.inputs import is_video
from onestep.evaluation.instruments import Instruments, open_instruments
from onestep.evaluation.kpi import Kpi, verdicts_of
from onestep.evaluation.material import Material, picture_material
from onestep.evaluation.measures.copying import nearest_training
from onestep.evaluation.parallel import one_torch_thread
from onestep.evaluation.progress import Stages, silent_stages
from onestep.evaluation.request import Request
from onestep.evaluation.results import Evaluation, Figure, PictureRef, Row
from onestep.evaluation.rows import RowRecord, measure_rows
from onestep.evaluation.time_figures import speed_figures, steadiness_figures
from onestep.evaluation.translators import COPY_INPUT, REAL_VS_REAL, Translator, translators_of
from onestep.evaluation.video_material import video_material

_NEAREST_LISTED = 3


def evaluate(request: Request, folder: Path, *, kpis: Sequence[Kpi] = (), stages: Stages = silent_stages) -> Evaluation:
    """Run or read all translators, measure them beside the references, and judge the translators by the KPIs.

    As many pictures are in memory as there are threads; what grows with their number are feature vectors, histograms
    and figures.

    Args:
        request: What to evaluate.
        folder: A folder that exists; outputs and clips are written into it.
        kpis: Thresholds.
        stages: Told what is going on.

    Raises:
        OnestepError: Inputs cannot be read or have nothing in common, a bundle cannot be run, a network is missing.
    """
    before = environment()
    notes: list[str] = []
    translators = translators_of(request)
    instruments = open_instruments(request)
    gather = video_material if is_video(request.inputs) else picture_material
    material = gather(request, translators, folder, notes, stages)
    domain = _domain(request, instruments, notes, stages)
    with stages("measure", "pictures") as tell:
        colours = domain.colours if domain is not None else None
        records = measure_rows(material, instruments, colours, folder, tell, threads=request.threads)
    source = next(record for record in records if record.name == COPY_INPUT)
    context = Context(instruments, source, domain, _training(request, instruments, notes, stages))
    rows = _rows(records, material, context, notes, stages)
    if len(material.pictures) == 1:
        notes.append("Only one picture was measured: there are no intervals and no distances of distributions.")
    return Evaluation(
        title=request.title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=request.command,
        rows=rows,
        pictures=_picture_refs(material, domain),
        clips=material.clips,
        verdicts=verdicts_of(kpis, rows),
        environment=before,
        licences=_licences(translators, instruments, request),
        notes=notes,
    )


def _domain(request: Request, instruments: Instruments, notes: list[str], stages: Stages) -> DomainSample | None:
    """Return the sample of the domain: the targets, or without any the truth."""
    folder, what = (request.targets, "--targets") if request.targets else (request.truth, "--truth")
    if folder is None:
        return None
    if what == "--truth":
        notes.append("Without --targets the true pictures stand for the domain to reach.")
    with stages(f"look at {what}", "pictures") as tell:
        return domain_sample(folder, what, instruments, notes, tell, threads=request.threads)


def _training(
    request: Request, instruments: Instruments, notes: list[str], stages: Stages
) -> tuple[list[Path], NDArray[np.float32]] | None:
    """Return the training pictures and their features."""
    if request.training_data is None:
        return None
    with stages("look at the training data", "pictures") as tell:
        return picture_features(
            request.training_data, "--training-data", instruments, notes, tell, threads=request.threads
        )


def _rows(
    records: Sequence[RowRecord], material: Material, context: Context, notes: list[str], stages: Stages
) -> list[Row]:
    """Return all rows with their figures, the floor of real pictures last."""
    rows = []
    with one_torch_thread(), stages("work out figures and intervals", "rows") as tell:
        for index, record in enumerate(records):
            rows.append(_row(record, material, context, notes))
            tell(index + 1, len(records))
        return rows + _real_row(context, notes)


def _row(record: RowRecord, material: Material, context: Context, notes: list[str]) -> Row:
    per_picture = per_picture_values(record, context)
    figures = mean_figures(per_picture)
    if context.domain is not None:
        features = {net: np.stack(vectors) for net, vectors in record.features.items()}
        figures |= domain_figures(features, np.stack(record.histograms), context.domain)
    figures |= _time_figures(record.name, material)
    if record.kind == "translator":
        figures |= unmeasured_figures(figures, context)
        _note_nearest(record, material, context, notes)
    return Row(record.name, record.kind, figures, per_picture)


def _time_figures(row: str, material: Material) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    if row in material.videos:
        figures |= steadiness_figures(material.videos[row])
    if row in material.latencies_ms:
        figures |= speed_figures(material.latencies_ms[row])
    return figures


def _real_row(context: Context, notes: list[str]) -> list[Row]:
    """Return the floor of all distances to the domain: one half of its pictures against the other."""
    domain = context.domain
    if domain is None:
        return []
    if len(domain.paths) < 4:
        notes.append(f"The real-vs-real row needs at least 4 pictures of the domain; there are {len(domain.paths)}.")
        return []
    half, other = domain.half(first=True), domain.half(first=False)
    figures = domain_figures(half.features, half.histograms, other)
    if context.training is not None:
        distances, _ = nearest_training(domain.features[context.instruments.main_net], context.training[1])
        figures |= mean_figures({"nearest_training": distances.tolist()})
    return [Row(REAL_VS_REAL, "reference", figures, {})]


def _note_nearest(record: RowRecord, material: Material, context: Context, notes: list[str]) -> None:
    """Name the outputs that are nearest to a training picture."""
    if context.training is None:
        return
    paths, of_training = context.training
    distances, indices = nearest_training(np.stack(record.features[context.instruments.main_net]), of_training)
    closest = [
        f"{material.pictures[index].name} to {paths[indices[index]].name} ({distances[index]:.3f})"
        for index in distances.argsort()[:_NEAREST_LISTED]
    ]
    notes.append(f"{record.name}: nearest to a training picture (cosine distance): {', '.join(closest)}.")


def _picture_refs(material: Material, domain: DomainSample | None) -> list[PictureRef]:
    """Name the files of each picture; targets are dealt out in order, since they show other scenes anyway."""
    targets = domain.paths if domain is not None else []
    return [
        PictureRef(
            name=picture.name,
            source=picture.path,
            target=targets[index % len(targets)] if targets else None,
            truth=picture.truth,
            outputs={row: files[picture.name] for row, files in material.outputs.items()} | {COPY_INPUT: picture.path},
        )
        for index, picture in enumerate(material.pictures)
    ]


def _licences(translators: Sequence[Translator], instruments: Instruments, request: Request) -> dict[str, str]:
    licences = {"data": request.data_licence}
    for translator in translators:
        if translator.bundle is not None:
            manifest = translator.bundle.manifest
            licences[f"base {manifest.base}"] = manifest.licences.base
            licences[f"checkpoint {translator.name}"] = manifest.licences.checkpoint
    return {**licences, **instruments.licences}
