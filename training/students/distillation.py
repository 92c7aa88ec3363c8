"""A teacher and data become a student: the data made or read, the teacher asked, the student trained, all resumable."""

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from onestep.atomic import check_free, whole_folder
from onestep.domains import seen_condition
from onestep.errors import SettingError, UnknownNameError
from onestep.frame_size import FrameSize, checked_multiple
from onestep.runtime.pictures import find_pictures
from onestep.scenes import CONDITIONS
from onestep.training.augment import middle_of
from onestep.training.card_name import CARD_NAME, STUDENT_FORMAT
from onestep.training.folder import PackedGenerator
from onestep.training.stochastic import StochasticGenerator
from onestep.training.students.batch import BatchSource
from onestep.training.students.claim import claim_work, listing_sha256, weights_sha256
from onestep.training.students.folder import PackedStudent, StudentCard, packed_student, save_student
from onestep.training.students.losses import Perceptual
from onestep.training.students.network import StudentNetwork, StudentShape
from onestep.training.students.pairs import render_pairs
from onestep.training.students.picture_source import PictureSource
from onestep.training.students.picture_store import stored_pictures
from onestep.training.students.rendered_source import RenderedSource
from onestep.training.students.teacher_cache import translated_by_teacher
from onestep.training.students.training import StudentTrainer, StudentTraining
from onestep.training.trainer.interrupt import noticed_interrupts

Teacher = PackedGenerator | PackedStudent
Tell = Callable[[int, int | None], None]
PROGRESS_NAME = "progress.safetensors"
FIRST_SEED = 300_000
"""Of the scenes that students learn from."""


@dataclass(frozen=True)
class RenderedData:
    """Rendered scenes under two conditions, so that the truth is known."""

    condition: str
    """What the student will see, such as `day`."""
    target: str
    """What it should make of it, such as `night`."""
    pairs: int = 720
    """Pairs of moments."""
    processes: int = 2
    """Processes that render."""
    folder: Path | None = None
    """Where the pictures are kept, for distillations that share them; None keeps them in the work folder."""

    def __post_init__(self) -> None:
        for name in (self.condition, self.target):
            if name not in CONDITIONS:
                raise UnknownNameError("condition", name, CONDITIONS)
        if self.condition == self.target or self.pairs < 1:
            raise SettingError(f"Rendered data has two conditions and 1 or more pairs, got {self}.")


@dataclass(frozen=True)
class DistillOptions:
    """What is learnt from, and how."""

    data: RenderedData | Path
    """Rendered scenes, or a folder of pictures, for which only the teacher knows the result."""
    size: FrameSize | None = None
    """Frame size that the student is made for; None takes the teacher's."""
    crop: FrameSize = field(default_factory=lambda: FrameSize(320, 192))
    """Windows that most steps train on; the last steps see whole frames."""
    pairs_per_batch: int = 3
    half_size_share: float = 0.0
    """Share of the steps, at the beginning, on windows of half the side that show as much, in less than half of the
    time: what is where and how dark it becomes needs no more (progressive learning: Tan and Le 2021)."""
    whole_frame_share: float = 0.2
    """Share of the steps, at the end, of which every other one sees whole frames."""
    shape: StudentShape = field(default_factory=StudentShape)
    """How large the student is; one that goes on from another has that one's shape."""
    streaks: float | None = None
    """Density of the rain that is drawn in front of the student's results; None for that of the student of the same
    domain that it goes on from, 0 without one."""
    training: StudentTraining = field(default_factory=StudentTraining)
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.streaks is not None and self.streaks < 0.0:
            raise SettingError(f"The density of streaks is 0 or more, got {self.streaks:g}.")
        if min(self.half_size_share, self.whole_frame_share) < 0.0 or self.half_size_share + self.whole_frame_share > 1:
            raise SettingError(
                "The shares of the steps at half size and on whole frames are 0 or more, and together 1 or less; got "
                f"{self.half_size_share:g} and {self.whole_frame_share:g}."
            )
        if isinstance(self.data, Path) and not self.training.weights.teacher:
            raise SettingError(
                f"For the pictures of {self.data} only the teacher knows the result, and its weight is 0. Give it a "
                "weight, or train on rendered scenes, whose truth is known."
            )


class Listener(Protocol):
    """Takes what a distillation has to say."""

    def stage(self, text: str) -> None:
        """A stage begins."""

    def log(self, line: str) -> None:
        """A line for the log."""

    def progress(self, done: int, total: int | None) -> None:
        """How far the stage is."""


def distil(
    teacher: Teacher,
    output: Path,
    *,
    work: Path,
    options: DistillOptions,
    perceptual: Perceptual | None,
    listener: Listener,
    start: PackedStudent | None = None,
) -> PackedStudent:
    """Train a student of a teacher and write it as a generator folder, which appears complete or not at all.

    A caller that keeps no reference to `teacher` has its memory back once it was asked, before the training.

    Args:
        teacher: Any generator, on the device that it shall run on.
        output: Folder of the student.
        work: Folder for data, the teacher's results and checkpoints. A run that was cut off goes on from there.
        options: What is learnt from, and how.
        perceptual: A perceptual distance, or None for none.
        listener: Takes stages, log and progress.
        start: A student whose weights are gone on from, in float32, and whose size is the default; None begins with
            fresh weights. It is not changed.

    Returns:
        The student.

    Raises:
        SettingError: The size is no multiple of the teacher's or the student's, or the teacher is stochastic.
        InputError: There are no pictures.
        OutputError: `output` exists, or `work` is of another distillation, or cannot be read or written.
        TrainingError: A loss is not finite.
        KeyboardInterrupt: Somebody asked it to stop; what there is was saved.
    """
    _check_teacher(teacher)
    check_free(output, overwrite=options.overwrite, marker=CARD_NAME, kind=STUDENT_FORMAT)
    size = options.size or FrameSize(*(start or teacher).card.preferred_size)
    torch.manual_seed(options.training.seed)
    student = copy.deepcopy(start.generator.student).float() if start else StudentNetwork.of_shape(options.shape)
    student.to(next(teacher.generator.parameters()).device)
    checked_multiple(size, teacher.generator.frame_multiple, what="The teacher")
    for checked in (size, options.crop):
        checked_multiple(checked, student.frame_multiple, what="The student")
    claim_work(work, _settings(teacher, size, options, perceptual, start))
    sources = _sources(teacher, size, work, options, listener, multiple=student.frame_multiple)
    card = _card(teacher, size, options, start)
    del teacher
    listener.stage("training the student")
    trainer = StudentTrainer(student, options.training)
    if (work / PROGRESS_NAME).exists():
        trainer.resume(work / PROGRESS_NAME)
        listener.log(f"going on after step {trainer.step}")
    _train(trainer, sources, work, perceptual, listener)
    packed = packed_student(trainer.average.cpu(), card)
    with whole_folder(output, overwrite=options.overwrite, marker=CARD_NAME, kind=STUDENT_FORMAT) as folder:
        save_student(packed, folder)
    return packed


def _check_teacher(teacher: Teacher) -> None:
    if isinstance(teacher.generator, StochasticGenerator):
        raise SettingError(
            f"The teacher ({teacher.card.domain}) is stochastic: its result depends on a noise and a strength as well, "
            "which a student is not given. Name a generator without these."
        )


def _train(
    trainer: StudentTrainer,
    sources: Callable[[int], Sequence[BatchSource]],
    work: Path,
    perceptual: Perceptual | None,
    listener: Listener,
) -> None:
    """Train, and keep what there is when the user interrupts: after the step that is being computed."""
    with noticed_interrupts() as interrupt:
        trainer.run(
            sources,
            perceptual=perceptual,
            log=listener.log,
            on_step=lambda step: listener.progress(step, trainer.options.steps),
            on_checkpoint=lambda step: trainer.save(work / PROGRESS_NAME),
            interrupted=lambda: interrupt.asked,
        )
    if trainer.step < trainer.options.steps:
        trainer.save(work / PROGRESS_NAME)
        listener.log(f"interrupted after step {trainer.step}; the same command goes on from there")
        raise KeyboardInterrupt


def _settings(
    teacher: Teacher,
    size: FrameSize,
    options: DistillOptions,
    perceptual: Perceptual | None,
    start: PackedStudent | None,
) -> dict[str, Any]:
    """Return all that decides what a distillation makes; how it is computed and reported does not."""
    plain = dataclasses.asdict(options)
    if start is not None:
        begun = start.generator.student
        plain |= {"shape": dataclasses.asdict(begun.shape), "start": weights_sha256(begun)}
    for name in ("overwrite", "streaks"):
        del plain[name]
    for name in ("report_every", "checkpoint_every"):
        del plain["training"][name]
    weights = weights_sha256(teacher.generator) if options.training.weights.teacher else "not asked"
    asked = {**dataclasses.asdict(teacher.card), "weights": weights}
    judge = weights_sha256(perceptual) if isinstance(perceptual, nn.Module) else None
    return {
        **plain,
        "data": _data_settings(options.data),
        "perceptual": judge,
        "size": str(size),
        "teacher": asked,
    }


def _data_settings(data: RenderedData | Path) -> dict[str, Any]:
    if isinstance(data, RenderedData):
        return {"condition": data.condition, "target": data.target, "pairs": data.pairs}
    return {"folder": str(data.resolve()), "pictures": listing_sha256(find_pictures(data))}


def _sources(
    teacher: Teacher, size: FrameSize, work: Path, options: DistillOptions, listener: Listener, *, multiple: int
) -> Callable[[int], Sequence[BatchSource]]:
    """Return what gives each step its sources: small windows, then windows, at the end whole frames in turn with them.

    Args:
        teacher, size, work, options, listener: See `distil`.
        multiple: Of which the sides of all pictures are.
    """
    make = _rendered if isinstance(options.data, RenderedData) else _pictures
    source = make(teacher, size, work, options, listener)
    few = max(1, round(options.pairs_per_batch * options.crop.pixels / size.pixels))
    whole = dataclasses.replace(source, size=size, pairs_per_batch=few)
    half = FrameSize(*(math.ceil(side / 2 / multiple) * multiple for side in options.crop))
    small = dataclasses.replace(source, size=half, scales=(2.0 * source.scales[0], 2.0 * source.scales[1]))
    last_small = options.training.steps * options.half_size_share
    first_whole = options.training.steps * (1.0 - options.whole_frame_share)

    def of_step(step: int) -> Sequence[BatchSource]:
        if step < last_small:
            return (small,)
        return (source, whole) if step >= first_whole else (source,)

    return of_step


def _rendered(
    teacher: Teacher, size: FrameSize, work: Path, options: DistillOptions, listener: Listener
) -> RenderedSource:
    data = options.data
    assert isinstance(data, RenderedData)
    listener.stage("rendering scenes")
    pairs = render_pairs(
        data.folder or work / "pairs",
        count=data.pairs,
        size=size,
        conditions=(data.condition, data.target),
        seed=FIRST_SEED,
        processes=data.processes,
        on_pair=listener.progress,
    )
    translated = _asked(teacher, pairs.frames[data.condition], work, options, listener)
    return RenderedSource(
        pairs, data.condition, data.target, options.crop, options.pairs_per_batch, translated=translated
    )


def _pictures(
    teacher: Teacher, size: FrameSize, work: Path, options: DistillOptions, listener: Listener
) -> PictureSource:
    assert isinstance(options.data, Path)
    listener.stage("reading pictures")
    pictures = stored_pictures(options.data, work / "pictures.npy", size, on_picture=listener.progress)
    translated = _asked(teacher, pictures, work, options, listener)
    assert translated is not None
    middle = middle_of(seen_condition(teacher.card.domain))
    return PictureSource(pictures, translated, options.crop, options.pairs_per_batch, middle=middle)


def _asked(
    teacher: Teacher, pictures: NDArray[np.uint8], work: Path, options: DistillOptions, listener: Listener
) -> NDArray[np.uint8] | None:
    if not options.training.weights.teacher:
        return None
    listener.stage("asking the teacher")
    return translated_by_teacher(teacher, pictures, work / "teacher.npy", on_picture=listener.progress)


def _card(teacher: Teacher, size: FrameSize, options: DistillOptions, start: PackedStudent | None) -> StudentCard:
    card, data, weights = teacher.card, options.data, options.training.weights
    critic = f", critic {weights.adversarial:g}" if weights.adversarial else ""
    known = f"truth {weights.truth:g}, teacher {weights.teacher:g}{critic}"
    learnt = (
        f"{data.pairs} rendered pairs, {data.condition} to {data.target}; {known}"
        if isinstance(data, RenderedData)
        else f"pictures of a folder; teacher {weights.teacher:g}{critic}"
    )
    return StudentCard(
        domain=card.domain,
        direction=card.direction,
        prompt=card.prompt,
        base=card.base if card.base.endswith("-student") else f"{card.base}-student",
        base_licence=_both(card.base_licence, start.card.base_licence if start else ""),
        checkpoint_licence=_both(card.checkpoint_licence, start.card.checkpoint_licence if start else ""),
        preferred_size=(size.width, size.height),
        data=f"{start.card.data}; gone on with on {learnt}" if start else learnt,
        streaks=_streaks(options, card.domain, start),
    )


def _streaks(options: DistillOptions, domain: str, start: PackedStudent | None) -> float:
    if options.streaks is not None:
        return options.streaks
    return start.card.streaks if start and start.card.domain == domain else 0.0


def _both(licence: str, other: str) -> str:
    """Name two licences whose terms both hold, or the one."""
    return licence if other in ("", licence) else f"{licence}; {other}"
