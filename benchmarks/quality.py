"""How good translations are: on rendered scenes whose result is known, and on real footage.

python benchmarks/quality.py -o quality                         # all that ship: rendered views and a rendered drive
python benchmarks/quality.py -o quality --footage drive.mp4     # and a real drive, or a folder of pictures
python benchmarks/quality.py -o quality --bundle B --truth dark # another bundle, held against another rendered result
python benchmarks/quality.py -o quality --domain day2night --footage DIR --photos NIGHTS     # and against real nights
python benchmarks/quality.py -o quality --footage drive.mp4 --places highway,rural           # or such rendered ones

Every translation is measured with `onestep.evaluation`, beside the copied input, darkening by gamma, and Reinhard's
colour transfer: to the colours of other scenes under the condition to reach (`reinhard`), and to those of each true
result (`reinhard-oracle`), which nobody has. Its own figures are ST-LPIPS over that of the transfer, the warp error
along the known motion of rendered scenes (`bench/quality_motion.py`), by itself and over the truth's, and the gap to
pictures of the condition that is closed (`bench/quality_gap.py`): to rendered ones of other scenes, and of footage to
those of --photos or --places. It needs the extras cpu, evaluate, bench.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from bench.command import run_command
from bench.quality_asked import asked_footage, bundles_by_domain
from bench.quality_figures import quality_table
from bench.quality_material import plan_for, render_material
from bench.quality_parts import Part, parts_of
from bench.quality_pictures import contact_sheet, side_by_side
from bench.quality_places import like_footage, places_from_text
from bench.result_files import write_text

from onestep.atomic import whole_folder
from onestep.cli.progress import Tell, shown_progress
from onestep.evaluation.evaluate import evaluate
from onestep.evaluation.report import REPORT_NAME, write_report
from onestep.evaluation.results import Evaluation


def quality(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of material, reports and pictures.")],
    domain: Annotated[list[str] | None, typer.Option(help="Which; may be repeated.", show_default="all")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Measure this one, on its own domain.")] = None,
    scenes: Annotated[int, typer.Option(min=2, help="Rendered views, one of each scene.")] = 40,
    seconds: Annotated[float, typer.Option(min=0.2, help="Length of the rendered drive.")] = 4.0,
    truth: Annotated[
        str | None, typer.Option(help="Rendered condition to measure against.", show_default="the domain's own")
    ] = None,
    footage: Annotated[str | None, typer.Option(help="A real video or folder of pictures, to translate.")] = None,
    photos: Annotated[Path | None, typer.Option(help="Real pictures of the condition to reach.")] = None,
    places: Annotated[
        str, typer.Option(help="Instead of photos: render places like the footage's, of urban, suburb, rural, highway.")
    ] = "",
) -> None:
    """Measure translations, and write reports, a table, sheets and clips."""
    bundles = bundles_by_domain(domain, bundle)
    plans = {name: plan_for(name, truth=truth, scenes=scenes, seconds=seconds) for name in bundles}
    real = asked_footage(footage, photos, bundles)
    shown = places_from_text(places, real)
    materials = {name: render_material(output / name / "material", plan) for name, plan in plans.items()}
    held = dict.fromkeys(plans, real)
    if real is not None and shown:
        for name, plan in plans.items():
            like = output / name / "like-footage"
            held[name] = like_footage(real, shown, like, condition=plan.result, count=scenes)
    tables = []
    for name, material in materials.items():
        for part in parts_of(bundles[name], material, held[name]):
            result = _measured(part, output / name / part.name)
            tables.append(f"## {name}: {part.name}\n\n{quality_table(result)}\n\n    {result.command}")
    text = "# Quality\n\n" + "\n\n".join(tables) + "\n"
    write_text(output / "quality.md", text)
    print(text)


def _measured(part: Part, folder: Path) -> Evaluation:
    """Evaluate into a folder that appears whole, with the report and the pictures."""
    with whole_folder(folder, overwrite=True, marker=REPORT_NAME) as partial:
        result = part.further(evaluate(part.request, partial, stages=_stages), _stages)
        write_report(result, partial, final=folder)
        contact_sheet(result.pictures, part.sheet, partial / "sheet.png")
        for clip in result.clips[:1]:
            side_by_side(clip.source, clip.output, partial / "side-by-side.mp4")
    return result


@contextmanager
def _stages(stage: str, unit: str) -> Iterator[Tell]:
    print(stage, file=sys.stderr, flush=True)
    with shown_progress(unit) as tell:
        yield tell


if __name__ == "__main__":
    run_command(quality)
