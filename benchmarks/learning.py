"""Does training learn? Day and night are rendered, so the night of each view is known, and the result can be scored.

python benchmarks/learning.py -o learning                    # 40 minutes of training, then 40 of a plain CycleGAN
python benchmarks/learning.py -o learning-paired --kind paired --no-gan
python benchmarks/learning.py -o quick --steps 100 --views 30 --scored 6 --no-gan

The same command again goes on where it was stopped; nothing that is done is done again, but for a CycleGAN that was
stopped half-way, which begins anew. It needs the extras cpu, train, evaluate.
"""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from bench.command import run_command
from bench.cyclegan_training import GanRun, GanSettings, saved_or_trained, trained_cyclegan
from bench.environment import environment
from bench.learning_data import DataPlan, Kind, pictures_of, render_learning_data
from bench.learning_plots import draw_contact_sheet, draw_learning_curve, validation_rows
from bench.learning_run import Trained, generator_translator, learning_settings, trained_for
from bench.learning_scores import MEASURES, ScoredRow, colour_transfer, copy_input, scored_row
from bench.progress_line import ProgressLine
from bench.result_files import write_text

from onestep.errors import OutputError, require
from onestep.frame_size import frame_size_from_text
from onestep.training.quiet import quiet_libraries
from onestep.training.trainer.settings_file import values_of
from onestep.usable_cores import usable_cores

_GAN_NAME = "CycleGAN (ResNet, 9 blocks)"


def learning(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of data, runs and results; it may go on.")],
    kind: Annotated[Kind, typer.Option(help="unpaired: different scenes on each side; paired: the same.")] = "unpaired",
    minutes: Annotated[float, typer.Option(min=0.01, help="Wall time of each training.")] = 40,
    steps: Annotated[int, typer.Option(min=1, help="Largest number of steps of each training.")] = 20_000,
    size: Annotated[str, typer.Option(help="Frame size, multiples of 32 for the tiny base.")] = "256x160",
    views: Annotated[int, typer.Option(help="Training pictures on each side, three per scene.")] = 300,
    test: Annotated[int, typer.Option(help="Views that the trainer validates on.")] = 24,
    scored: Annotated[int, typer.Option(help="Views that are scored; training and validation never see them.")] = 48,
    base: Annotated[str, typer.Option(help="tiny, sd-turbo, or a folder in diffusers' layout.")] = "tiny",
    config: Annotated[Path | None, typer.Option(help="TOML file of `onestep train` with other settings.")] = None,
    gan: Annotated[bool, typer.Option(help="Whether a plain CycleGAN is trained for the same time.")] = True,
    gan_width: Annotated[int, typer.Option(help="Channels of its first layer.")] = GanSettings.width,
    seed: Annotated[int, typer.Option(help="Of scenes and trainings.")] = 7,
) -> None:
    """Train on rendered day and night for a fixed budget, and score against the known night and plain baselines."""
    for library in ("matplotlib", "skimage", "peft"):
        require(library, extra="train,evaluate", purpose="measure what training learns")
    found = environment(device="cpu", threads=torch.get_num_threads())
    plan = DataPlan(kind, frame_size_from_text(size), views, test, scored, seed)
    gan_settings = GanSettings(width=gan_width, max_steps=steps, max_seconds=60 * minutes, seed=seed)
    settings = learning_settings(plan, output / "data", base=base, steps=steps, config=config)
    _make_folder(output)
    _say(f"rendering {2 * (views + test + scored)} pictures into {output / 'data'}, where they are not there yet")
    render_learning_data(output / "data", plan, processes=usable_cores())
    with quiet_libraries():
        run = trained_for(settings, output / "run", seconds=60 * minutes)
        baseline = _cyclegan(output, gan_settings) if gan else None
        rows, columns = _scored(output / "data", run, baseline)
    figures = _figures(plan, run, rows, found)
    figures["cyclegan"] = _gan_figures(gan_settings, baseline) if baseline else None
    write_text(output / "learning.json", json.dumps(figures, indent=2) + "\n")
    title = f"{kind}, base {base}, {plan.size}, {run.steps} steps in {run.seconds / 60:.0f} minutes"
    draw_learning_curve(run.folder, output / "learning-curve.png", title=title)
    draw_contact_sheet(columns, output / "contact-sheet.png", views=6)
    print(_text(title, rows))


def _cyclegan(output: Path, settings: GanSettings) -> GanRun:
    def train() -> GanRun:
        sides = [pictures_of(output / "data" / name) for name in ("train_A", "train_B")]
        tell = ProgressLine(time.monotonic() + settings.max_seconds)
        try:
            return trained_cyclegan(
                *sides,
                settings=settings,
                on_step=lambda step, losses: tell(f"CycleGAN, cycle {losses['cycle']:.2f}", step, settings.max_steps),
            )
        finally:
            tell.close()

    return saved_or_trained(output / "cyclegan.pt", settings, train)


def _scored(data: Path, run: Trained, gan: GanRun | None) -> tuple[list[ScoredRow], dict[str, list[Any]]]:
    """Score every translator on the views that nothing was trained on; also return the sheet's columns."""
    from onestep.evaluation.networks.distances import StLpipsDistance

    inputs, truths = (pictures_of(data / "scored" / name) for name in ("day", "night"))
    kind, base = run.kind, run.settings.model.base
    translators = {
        f"onestep, {kind}": generator_translator(run.folder, base=base, kind=kind),
        "copy of the input": copy_input,
        "colour transfer (Reinhard)": colour_transfer(pictures_of(data / "train_B")),
        **({_GAN_NAME: gan.translate} if gan else {}),
    }
    distance, rows = StLpipsDistance(), []
    for name, translate in translators.items():
        _say(f"scoring {len(inputs)} views: {name}")
        rows.append(scored_row(name, translate, inputs=inputs, truths=truths, distance=distance))
    first, _, *others = rows
    columns = {"input": inputs, first.name: first.outputs, "known night": truths}
    return rows, columns | {row.name: row.outputs for row in others}


def _figures(plan: DataPlan, run: Trained, rows: list[ScoredRow], found: dict[str, str]) -> dict[str, Any]:
    history, copies = validation_rows(run.folder)
    return {
        "environment": found,
        "command": " ".join(["python", *sys.argv]),
        "data": {**asdict(plan), "size": str(plan.size)},
        "settings": {name: value for name, value in values_of(run.settings).items() if name != "data"},
        "trained": {"steps": run.steps, "seconds": run.seconds},
        "measures": MEASURES,
        "scores": {row.name: row.means for row in rows},
        "validation": {"copy of the input": copies, "steps": history},
        "per_view": {row.name: row.per_view for row in rows},
    }


def _gan_figures(settings: GanSettings, run: GanRun) -> dict[str, Any]:
    return {"settings": asdict(settings), "steps": run.steps, "seconds": round(run.seconds, 1)}


def _text(title: str, rows: list[ScoredRow]) -> str:
    lines = [title, f"{'':30}" + "".join(f"{name:>12}" for name in MEASURES)]
    lines += [f"{row.name:30}" + "".join(f"{row.means[name]:12.4f}" for name in MEASURES) for row in rows]
    return "\n".join(lines)


def _make_folder(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OutputError(f"Cannot make {output}: {err.strerror}. Choose another place with -o.") from err


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_command(learning)
