"""How good the embedded translations are: on rendered scenes whose result is known, and on real footage.

python benchmarks/quality.py -o quality                                  # rendered views and a rendered drive
python benchmarks/quality.py -o quality --footage drive.mp4              # and a real drive, or a folder of pictures
python benchmarks/quality.py -o quality --footage DIR --photos NIGHTS    # held against real nights, not rendered ones

Every translation that ships is measured with `onestep.evaluation`, beside the copied input, Reinhard's colour transfer
and darkening by gamma. It needs the extras cpu, evaluate, bench.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from bench.command import run_command
from bench.quality_material import QualityMaterial, darken, render_material
from bench.quality_pictures import contact_sheet, side_by_side
from bench.result_files import write_text
from bench.tables import markdown_table, number

from onestep.atomic import whole_folder
from onestep.bundle import open_bundle
from onestep.cli.progress import Tell, shown_progress
from onestep.domains import embedded_bundle, embedded_domains
from onestep.evaluation.evaluate import evaluate
from onestep.evaluation.inputs import is_video
from onestep.evaluation.report import write_report
from onestep.evaluation.request import Request
from onestep.evaluation.results import Evaluation
from onestep.runtime.pictures import find_pictures

_GAMMA = "gamma"
_SHOWN = (
    *("psnr", "ssim", "st_lpips", "ciede2000", "edges_kept", "kid_efficientnet_lite0", "change_ratio"),
    *("warp_error", "warp_error_ratio", "flicker_ratio", "latency_p50_ms"),
)
_LICENCE = "rendered by this project, MIT"


@dataclass(frozen=True)
class _Part:
    """One evaluation of a translation."""

    name: str
    request: Request
    sheet: tuple[str, ...]
    """Rows whose pictures are drawn."""


def quality(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of material, reports and pictures.")],
    domain: Annotated[list[str] | None, typer.Option(help="Which; may be repeated.", show_default="all")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Measure this one instead of the one that ships.")] = None,
    scenes: Annotated[int, typer.Option(min=2, help="Rendered views, one of each scene.")] = 40,
    seconds: Annotated[float, typer.Option(min=0.2, help="Length of the rendered drive.")] = 4.0,
    footage: Annotated[str | None, typer.Option(help="A real video or folder of pictures, to translate.")] = None,
    photos: Annotated[Path | None, typer.Option(help="Real pictures of the condition to reach.")] = None,
) -> None:
    """Measure every embedded translation, and write reports, a table, sheets and clips."""
    tables = []
    for name in domain or embedded_domains():
        material = render_material(output / name / "material", name, scenes=scenes, seconds=seconds)
        path = bundle or embedded_bundle(name)
        for part in _parts(path, material, footage, photos):
            result = _measured(part, output / name / part.name)
            tables.append(f"## {name}: {part.name}\n\n{_table(result)}\n\n    {result.command}")
    text = "# Quality\n\n" + "\n\n".join(tables) + "\n"
    write_text(output / "quality.md", text)
    print(text)


def _parts(bundle: Path, material: QualityMaterial, footage: str | None, photos: Path | None) -> Iterator[_Part]:
    """Say what is measured; darkened pictures are made on the way."""
    plain = Request(
        inputs=str(material.inputs),
        bundles=(open_bundle(bundle),),
        data_licence=_LICENCE,
        command="python " + " ".join(sys.argv),
    )
    translator = plain.bundles[0].manifest.domain
    gamma = material.folder / _GAMMA
    targets = find_pictures(material.targets)
    darken(find_pictures(material.inputs), targets, gamma)
    views = replace(plain, outputs=(gamma,), truth=material.truth, targets=material.targets, title="Rendered views")
    yield _Part("rendered", views, (translator, _GAMMA, "reinhard"))
    drive = replace(plain, inputs=str(material.drive), outputs=(material.known_result,), title="A rendered drive")
    yield _Part("drive", drive, (translator, material.known_result.stem))
    if footage is None:
        return
    real = replace(plain, inputs=footage, targets=photos or material.targets, title="Real footage", data_licence="own")
    if is_video(footage):
        yield _Part("footage", real, (translator, "reinhard"))
        return
    darkened = material.folder.parent / "footage-darkened" / _GAMMA
    darken(find_pictures(footage), find_pictures(photos) if photos else targets, darkened)
    yield _Part("footage", replace(real, outputs=(darkened,)), (translator, _GAMMA, "reinhard"))


def _measured(part: _Part, folder: Path) -> Evaluation:
    """Evaluate into a folder that appears whole, with the report and the pictures."""
    with whole_folder(folder, overwrite=True) as partial:
        result = evaluate(part.request, partial, stages=_stages)
        write_report(result, partial, final=folder)
        contact_sheet(result.pictures, part.sheet, partial / "sheet.png")
        for clip in result.clips[:1]:
            side_by_side(clip.source, clip.output, partial / "side-by-side.mp4")
    return result


def _table(result: Evaluation) -> str:
    """Return the shown figures as a table, one line for each translator and reference."""
    found = [name for name in _SHOWN if any(row.figures.get(name) for row in result.rows)]
    lines = [
        [row.name, *(number(figure.value) if (figure := row.figures.get(name)) else "" for name in found)]
        for row in result.rows
    ]
    return markdown_table(("row", *found), lines)


@contextmanager
def _stages(stage: str, unit: str) -> Iterator[Tell]:
    print(stage, file=sys.stderr, flush=True)
    with shown_progress(unit) as tell:
        yield tell


if __name__ == "__main__":
    run_command(quality)
