"""Train all that ships in the package from nothing, on rendered scenes: base, day2night teacher, and the students.

    python scripts/train_embedded.py --work runs/embedded
    python scripts/train_embedded.py --work runs/embedded --students clear2foggy

Each stage leaves its result in the work folder and is skipped when it is there; one that was cut off goes on. The base
and the teacher take half an hour on two idle cores, a student 0.3 s a step on two cores with AMX and 0.6 s without;
students learn from known truth, and need neither. Draw a student's learning curve with `scripts/learning_curve.py`,
export it with `onestep export --generator runs/embedded/DOMAIN-student --compact`. Day out of night is finished by
another training, at 1 s a step, named DOMAIN-student-finished.
"""

import argparse
import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from onestep.atomic import whole_folder
from onestep.domains import Domain, domain, embedded_base, rendered_conditions
from onestep.errors import OutputError
from onestep.frame_size import FrameSize
from onestep.heap import keep_heap
from onestep.training.base import Base, load_base, random_base, save_base
from onestep.training.base_training import Log, train_autoencoder, train_noise_predictor
from onestep.training.device import bfloat16_is_fast
from onestep.training.fit import FitOptions
from onestep.training.folder import GeneratorCard, PackedGenerator, load_generator, save_generator
from onestep.training.generator import OneStep, OneStepGenerator
from onestep.training.losses.perceptual import perceptual_network
from onestep.training.quiet import quiet_libraries
from onestep.training.rendered import RenderedFrames, render_frames
from onestep.training.students.distillation import DistillOptions, RenderedData, distil
from onestep.training.students.folder import PackedStudent, load_student, save_student
from onestep.training.students.losses import LossWeights
from onestep.training.students.network import StudentShape
from onestep.training.students.training import StudentTraining
from onestep.training.supervised import save_samples, train_on_truth
from onestep.training.trainer.pictures import spread
from onestep.training.untrained import untrained_generator
from onestep.training.vae_skips import SkipConvolutions

FULL, HALF = FrameSize(512, 288), FrameSize(256, 160)
UPRIGHT = FrameSize(224, 288)
"""Windows as high as the frame: what a wet road mirrors is as far above the horizon as it is below."""
SEED = 7
LICENCE = "MIT"
DOMAIN = "day2night"
TARGET = "night"
SMALL = StudentShape(widths=(16, 32, 64, 80, 112), down_blocks=(0, 1, 1, 2, 2), sees_place=True)
"""1.2 million weights: four domains and the base shall not weigh more than 25 MB together."""

DEEPER = dataclasses.replace(SMALL, down_blocks=(0, 1, 1, 3, 2), up_blocks=(1, 1, 2, 1))
"""1.4 million: what the night hides has to be made up."""

Rows = list[list[NDArray[np.uint8]]]


@dataclass(frozen=True)
class Stage:
    """One run of the optimiser over the generator."""

    name: str
    size: FrameSize
    batch: int
    steps: int
    learning_rate: float


@dataclass(frozen=True)
class Finish:
    """A second training that goes on from the first: windows and whole frames in turn, ST-LPIPS in each step."""

    steadiness: float
    """As in the recipe, in all steps."""
    perceptual: float
    """As in the recipe, in all steps: four times as much as there at the same weight."""
    steps: int = 2000
    learning_rate: float = 1e-3


@dataclass(frozen=True)
class StudentRecipe:
    """How large a domain's student is, and how it is trained."""

    lamps: float = 3.0
    """Weight of what has to be made, such as lamps: it is little, and what one looks at."""
    steadiness: float = 1.0
    """Weight of the change along the motion, in the last two fifths of the steps. A night's noise, lifted to the light
    of day, needs more than 1."""
    target: str | None = None
    """What it learns to make; None is what the domain leads to."""
    streaks: float = 0.0
    """Density of the rain that is drawn in front of its results."""
    perceptual: float = 2.0
    """Weight of ST-LPIPS, in the fourth of the steps that compute it."""
    shape: StudentShape = SMALL
    steps: int = 8000
    finish: Finish | None = None


STUDENTS = {
    "day2night": StudentRecipe(lamps=0.5, target="dark", shape=StudentShape(sees_place=True), steps=14_000),
    "night2day": StudentRecipe(
        lamps=0.0,
        target="mild",
        steadiness=5.0,
        perceptual=4.0,
        shape=DEEPER,
        steps=10_000,
        finish=Finish(steadiness=20.0, perceptual=4.0),
    ),
    "clear2rainy": StudentRecipe(target="wet", streaks=0.3, shape=StudentShape(sees_place=True), steps=7000),
    "clear2foggy": StudentRecipe(target="murky", steps=6000),
}
STEADIER_FROM = 0.6
HALF_SIZE_SHARE = 0.35
PAIRS = 960

STAGES = (
    Stage("1-half", HALF, batch=4, steps=1300, learning_rate=1e-3),
    Stage("2-full", FULL, batch=2, steps=150, learning_rate=3e-4),
)


def main() -> None:
    options = _arguments()
    keep_heap()
    torch.manual_seed(SEED)
    options.work.mkdir(parents=True, exist_ok=True)
    log = _log_to(options.work / "train.log")
    base_folder = options.work / "tiny"
    with quiet_libraries():
        if options.students is None:
            _train_teacher(base_folder, options, log)
        for name in options.students or STUDENTS:
            _train_student(options.work, name, STUDENTS[name])


def _train_teacher(base_folder: Path, options: argparse.Namespace, log: Log) -> None:
    frames = render_frames(
        options.work / "frames", count=options.views, size=FULL, conditions=("day", TARGET), seed=100_000, processes=2
    )
    log(f"{len(frames)} views rendered")
    if not base_folder.exists():
        _train_base(base_folder, frames, options, log)
    _train_domain(options.work, load_base(base_folder), frames, options.look, log)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for frames, results and the log")
    parser.add_argument("--views", type=int, default=1200, help="rendered views")
    parser.add_argument("--autoencoder-steps", type=int, default=150)
    parser.add_argument("--noise-steps", type=int, default=100)
    parser.add_argument("--students", nargs="+", choices=STUDENTS, help="only these, and neither base nor teacher")
    parser.add_argument("--look", type=Path, help="folder of real pictures to show in the sample grids; not trained on")
    return parser.parse_args()


def _train_base(folder: Path, frames: RenderedFrames, options: argparse.Namespace, log: Log) -> None:
    base = random_base("tiny", seed=SEED)
    fast = FitOptions(steps=options.autoencoder_steps, learning_rate=1e-3)
    log("autoencoder")
    train_autoencoder(base, frames, size=HALF, batch=6, options=fast, log=log)
    log("noise predictor")
    slow = FitOptions(steps=options.noise_steps, learning_rate=5e-4)
    train_noise_predictor(base, frames, size=HALF, batch=8, options=slow, log=log)
    named = dataclasses.replace(base, licence=LICENCE)
    with whole_folder(folder, overwrite=False) as partial:
        save_base(named.half(), partial)


def _train_domain(work: Path, base: Base, frames: RenderedFrames, look: Path | None, log: Log) -> None:
    """Run the stages one after the other; each begins with what the one before left in its folder."""
    known = domain(DOMAIN)
    embedding = base.prompt_embedding(known.prompt or "")
    rows = _sample_rows(frames, look)
    generator = _new_generator(base)
    for stage in STAGES:
        folder = work / f"{known.name}-{stage.name}"
        if folder.exists():
            generator = cast(OneStepGenerator, load_generator(folder).generator)
            continue
        log(f"{folder.name}: {stage}")
        _train_stage(stage, generator, embedding, frames, folder, rows, log)
        with whole_folder(folder, overwrite=False) as partial:
            save_generator(_packed(generator, base, known), partial)
        generator = cast(OneStepGenerator, load_generator(folder).generator)
    log(f"done: {folder}")


def _train_stage(
    stage: Stage,
    generator: OneStepGenerator,
    embedding: Tensor,
    frames: RenderedFrames,
    folder: Path,
    rows: Rows,
    log: Log,
) -> None:
    def show(step: int, average: OneStepGenerator) -> None:
        if step % 250 == 0 or step == stage.steps:
            save_samples(folder.with_name(f"{folder.name}-{step:05d}.png"), average, embedding, rows)

    train_on_truth(
        generator,
        embedding,
        frames,
        target=TARGET,
        size=stage.size,
        batch=stage.batch,
        options=FitOptions(steps=stage.steps, learning_rate=stage.learning_rate),
        seed=SEED,
        log=log,
        on_report=show,
    )


def _train_student(work: Path, name: str, recipe: StudentRecipe) -> None:
    """Train a student on the known truth, since the teacher is less sharp, and keep it in half precision."""
    output = work / f"{name}-student"
    if output.exists():
        return
    options = _student_options(work, name, recipe)
    finished = f"{output.name}-finished"
    if recipe.finish is None:
        packed = _first(work, name, options)
    elif (work / finished).exists():
        packed = _there(work / finished, options)
    else:
        start = _first(work, name, options)
        packed = _distilled(name, work / finished, finished, _finishing(options, recipe.finish), start)
    packed.generator.half()
    with whole_folder(output, overwrite=False) as partial:
        save_student(packed, partial)


def _first(work: Path, name: str, options: DistillOptions) -> PackedStudent:
    """Return what the first training of a domain's student left, or train it."""
    run = f"{name}-student"
    trained = work / f"{run}-float32"
    return _there(trained, options) if trained.exists() else _distilled(name, trained, run, options)


def _there(folder: Path, options: DistillOptions) -> PackedStudent:
    """Load a student that was trained before; raises OutputError if it is none of this recipe's."""
    packed = load_student(folder)
    if packed.generator.student.shape != options.shape:
        raise OutputError(
            f"{folder} holds a student of another shape than the recipe's. Remove it, or choose another --work."
        )
    print(f"{folder} is there already, and is not trained again", flush=True)
    return packed


def _distilled(
    name: str, output: Path, run: str, options: DistillOptions, start: PackedStudent | None = None
) -> PackedStudent:
    """Train the student of a domain; log and progress are named after the run."""
    log = _log_to(output.with_name(f"{run}.log"))
    log(run)
    return distil(
        _domain_of(name),
        output,
        work=output.with_name(f"{run}.work"),
        options=options,
        perceptual=perceptual_network("st-lpips-alex"),
        listener=_Listener(log),
        start=start,
    )


def _student_options(work: Path, name: str, recipe: StudentRecipe) -> DistillOptions:
    condition, target = rendered_conditions(name)
    return DistillOptions(
        data=RenderedData(condition, recipe.target or target, pairs=PAIRS, folder=work / "pairs"),
        size=FULL,
        crop=UPRIGHT,
        half_size_share=HALF_SIZE_SHARE,
        shape=recipe.shape,
        streaks=recipe.streaks,
        training=StudentTraining(
            steps=recipe.steps,
            learning_rate=3e-3,
            seed=SEED,
            bfloat16=bfloat16_is_fast("cpu"),
            steadier_from=STEADIER_FROM,
            weights=LossWeights(
                teacher=0.0, lamps=recipe.lamps, perceptual=recipe.perceptual, temporal=recipe.steadiness
            ),
        ),
    )


def _finishing(options: DistillOptions, finish: Finish) -> DistillOptions:
    """Return how a student is finished, from how it was trained."""
    first = options.training
    training = dataclasses.replace(
        first,
        steps=finish.steps,
        learning_rate=finish.learning_rate,
        seed=SEED + 1,
        steadier_from=0.0,
        perceptual_every=1,
        weights=dataclasses.replace(first.weights, perceptual=finish.perceptual, temporal=finish.steadiness),
    )
    return dataclasses.replace(options, half_size_share=0.0, whole_frame_share=1.0, training=training)


def _domain_of(name: str) -> PackedGenerator:
    """Return a generator that is never asked: it says which domain a student is of."""
    known = domain(name)
    packed = untrained_generator(load_base(embedded_base()), prompt=known.prompt or "")
    card = dataclasses.replace(packed.card, domain=known.name, direction=known.direction, checkpoint_licence=LICENCE)
    return dataclasses.replace(packed, card=card)


class _Listener:
    def __init__(self, log: Log) -> None:
        self.log = log

    def stage(self, text: str) -> None:
        self.log(text)

    def progress(self, done: int, total: int | None) -> None:
        """Say nothing: the log has a line now and then."""


def _new_generator(base: Base) -> OneStepGenerator:
    skips = SkipConvolutions.for_vae(base.vae)
    return OneStepGenerator(vae=base.vae, unet=base.unet, skips=skips, step=OneStep.from_scheduler(base.scheduler))


def _packed(generator: OneStepGenerator, base: Base, known: Domain) -> PackedGenerator:
    """Put a generator in half precision together with all that its folder holds."""
    card = GeneratorCard(
        domain=known.name,
        direction=known.direction,
        prompt=known.prompt or "",
        base=base.name,
        base_licence=base.licence,
        checkpoint_licence=LICENCE,
        skip_channels=list(generator.skips.config.in_channels),
        input_range=(-1.0, 1.0),
        preferred_size=FULL,
    )
    generator.half()
    parts = dataclasses.replace(base, unet=generator.unet, vae=generator.vae)
    return PackedGenerator(generator, card, parts.half())


def _sample_rows(frames: RenderedFrames, look: Path | None) -> Rows:
    rows = [[frames.frames["day"][index], frames.frames[TARGET][index]] for index in spread(range(len(frames)), 3)]
    for path in sorted(look.iterdir())[::3] if look else ():
        picture = Image.open(path).convert("RGB").resize(FULL, Image.Resampling.LANCZOS)
        rows.append([np.asarray(picture)])
    return rows


def _log_to(path: Path) -> Log:
    begun = time.monotonic()

    def log(line: str) -> None:
        text = f"{time.monotonic() - begun:7.0f} s  {line}"
        print(text, flush=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    return log


if __name__ == "__main__":
    main()
