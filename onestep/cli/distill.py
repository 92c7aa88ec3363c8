"""`onestep distill`: a small, fast student from any generator."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onestep.cli.progress import Tell, shown_progress
from onestep.cli.stage import print_stage
from onestep.errors import BundleError, GeneratorError, SettingError, require
from onestep.frame_size import frame_size_from_text
from onestep.heap import keep_heap

if TYPE_CHECKING:
    from onestep.training.students.distillation import RenderedData
    from onestep.training.students.folder import PackedStudent

RENDERED = "rendered:"
_LOG_NAME = "train.log"


def distill(
    teacher: Annotated[Path, typer.Argument(metavar="TEACHER", help="A generator's folder, of any size.")],
    data: Annotated[
        str,
        typer.Option(
            help="A folder of pictures, or rendered:FROM-TO such as rendered:day-night, whose truth is known."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the student, a generator like others.")],
    start: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="STUDENT", help="A student's folder or fp32 bundle whose weights are gone on from."
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for data and checkpoints; a run that was cut off goes on.", show_default="OUTPUT.work"
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the optimiser.")] = 4000,
    learning_rate: Annotated[float, typer.Option(help="The highest rate.")] = 1.5e-3,
    pairs: Annotated[int, typer.Option(min=1, help="Rendered pairs of moments.")] = 720,
    pairs_per_batch: Annotated[int, typer.Option(min=1, help="Pairs that one step sees.")] = 3,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT that the student is made for.", show_default="the teacher's")
    ] = None,
    crop: Annotated[str, typer.Option(help="WIDTHxHEIGHT of the windows that most steps see.")] = "320x192",
    truth_weight: Annotated[float, typer.Option(min=0.0, help="Weight of the known truth.")] = 1.0,
    teacher_weight: Annotated[float, typer.Option(min=0.0, help="Weight of the teacher; 0 does not ask it.")] = 1.0,
    lamp_weight: Annotated[float, typer.Option(min=0.0, help="Share of what has to be made, such as lamps.")] = 1.0,
    temporal_weight: Annotated[float, typer.Option(min=0.0, help="Weight of steadiness along the motion.")] = 1.0,
    adversarial_weight: Annotated[
        float,
        typer.Option(min=0.0, help="Weight of a critic that learns beside the student; 0 trains none."),
    ] = 0.0,
    critic_from: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the steps before the critic joins.")
    ] = 0.5,
    streaks: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Rain that is drawn in front of the student's results; 1 is heavy.",
            show_default="0; with --from, as there",
        ),
    ] = None,
    place: Annotated[
        bool | None,
        typer.Option(
            "--place/--no-place",
            help="Tell it where in the frame each pixel is: for cameras that are mounted alike.",
            show_default="no-place; with --from, as there",
        ),
    ] = None,
    perceptual: Annotated[
        str, typer.Option(help="Perceptual distance: st-lpips-alex, st-lpips-vgg, lpips:FILE or none.")
    ] = "st-lpips-alex",
    perceptual_weight: Annotated[float, typer.Option(min=0.0, help="Share of the perceptual distance.")] = 1.0,
    perceptual_every: Annotated[
        int,
        typer.Option(
            min=1, help="It is computed in each so many turns, since it is slow; 1 counts it 4 times as much as 4."
        ),
    ] = 4,
    bfloat16: Annotated[
        bool | None,
        typer.Option(
            "--bfloat16/--float32",
            help="Types to train in.",
            show_default="bfloat16 where the device multiplies it faster: GPUs, processors with AMX",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    seed: Annotated[
        int, typer.Option(min=0, help="Of weights, data order and augmentation; with --from give another than its own.")
    ] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Processes that render.")] = 2,
    overwrite: Annotated[bool, typer.Option(help="Replace a student that is there.")] = False,
) -> None:
    """Distil a generator into a student that a processor runs in real time.

    The student learns from what the teacher makes of the data, and from the truth where it is known. Ctrl-C keeps
    what is there, and the same command goes on. Export the student with `onestep export --generator`.
    """
    for library in ("torch", "diffusers", "transformers"):
        require(library, extra="train", purpose="distil a generator")
    from onestep.training.device import bfloat16_is_fast, checked_device
    from onestep.training.losses.perceptual import perceptual_network
    from onestep.training.quiet import quiet_libraries
    from onestep.training.students.distillation import DistillOptions, distil
    from onestep.training.students.load_any import load_any_generator
    from onestep.training.students.losses import LossWeights
    from onestep.training.students.network import StudentShape
    from onestep.training.students.training import StudentTraining

    checked_device(device)
    for read, whose in ((teacher, "the teacher's"), (start, "--from's")):
        if read is not None and output.resolve() == read.resolve():
            raise SettingError(f"-o {output} is {whose} own folder. Name another for the student.")
    is_judged = perceptual != "none"
    weights = LossWeights(
        truth=truth_weight,
        teacher=teacher_weight,
        lamps=lamp_weight,
        perceptual=perceptual_weight if is_judged else 0.0,
        temporal=temporal_weight,
        adversarial=adversarial_weight,
    )
    options = DistillOptions(
        data=rendered_data(data, pairs, processes) if data.startswith(RENDERED) else Path(data),
        size=frame_size_from_text(size) if size else None,
        crop=frame_size_from_text(crop),
        pairs_per_batch=pairs_per_batch,
        shape=StudentShape(sees_place=bool(place)),
        streaks=streaks,
        training=StudentTraining(
            steps=steps,
            learning_rate=learning_rate,
            seed=seed,
            bfloat16=bfloat16_is_fast(device) if bfloat16 is None else bfloat16,
            perceptual_every=perceptual_every,
            critic_from=critic_from,
            weights=weights,
        ),
        overwrite=overwrite,
    )
    keep_heap()
    with quiet_libraries(), shown_progress("done") as tell:
        started = _started(start, place) if start is not None else None
        packed = [load_any_generator(teacher)]  # given away, so that it goes once it was asked
        packed[0].generator.to(device)
        network = perceptual_network(perceptual).to(device) if is_judged else None
        folder = work or output.resolve().with_name(f"{output.resolve().name}.work")
        distil(
            packed.pop(),
            output,
            work=folder,
            options=options,
            perceptual=network,
            listener=_Screen(folder, tell),
            start=started,
        )
    print(output)


def _started(folder: Path, place: bool | None) -> "PackedStudent":
    """Load the student that is gone on from; raises SettingError if it is none, or of another shape than asked."""
    from onestep.training.students.folder import PackedStudent
    from onestep.training.students.load_any import load_any_generator

    try:
        packed = load_any_generator(folder)
    except (BundleError, GeneratorError) as err:
        raise type(err)(f"--from: {err}") from err
    if not isinstance(packed, PackedStudent):
        raise SettingError(f"--from {folder} is a generator of {packed.card.base}. Name a student's folder or bundle.")
    sees_place = packed.generator.student.shape.sees_place
    if place not in (None, sees_place):
        raise SettingError(
            f"--from {folder} is a student that {'sees' if sees_place else 'does not see'} where a pixel is, and its "
            f"weights fit no other. Leave --{'place' if place else 'no-place'} out, or begin without --from."
        )
    return packed


def rendered_data(text: str, pairs: int, processes: int) -> "RenderedData":
    """Read `rendered:FROM-TO`.

    Raises:
        SettingError: The text is not of that form, or a condition does not exist (UnknownNameError).
    """
    from onestep.training.students.distillation import RenderedData

    condition, dash, target = text.removeprefix(RENDERED).partition("-")
    if not dash:
        raise SettingError(f"--data {text} names no two conditions; expected such as rendered:day-night.")
    return RenderedData(condition, target, pairs, processes)


class _Screen:
    """Says everything on stderr, and writes the log into the work folder."""

    def __init__(self, work: Path, tell: Tell) -> None:
        self._work, self._tell, self._begun = work, tell, time.monotonic()

    def stage(self, text: str) -> None:
        print_stage(text)

    def log(self, line: str) -> None:
        text = f"{time.monotonic() - self._begun:7.0f} s  {line}"
        print(text, file=sys.stderr)
        with (self._work / _LOG_NAME).open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def progress(self, done: int, total: int | None) -> None:
        self._tell(done, total)
