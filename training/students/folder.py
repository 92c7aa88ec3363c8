"""A student as a generator folder: `onestep.json`, and `student/` with its configuration and weights."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from onestep.training.card_file import read_card
from onestep.training.card_name import CARD_NAME, STUDENT_FORMAT
from onestep.training.part_files import check_parts, load_network, told_if_unwritten
from onestep.training.students.generator import LearntPrompt, StudentGenerator
from onestep.training.students.network import StudentNetwork

_VERSION = 1
_AGAIN = "A student's folder needs it: distil it again."
STUDENT_PART = "student"


@dataclass(frozen=True)
class StudentCard:
    """What a student says about itself, in `onestep.json`. Up to the licences all but the base is its teacher's."""

    domain: str
    direction: Literal["a2b", "b2a", "paired"]
    prompt: str
    base: str
    """Name of the base, with `student` behind it: `tiny-student`."""
    base_licence: str
    checkpoint_licence: str
    preferred_size: tuple[int, int]
    """Width and height in pixels that it was trained for."""
    data: str
    """What it learnt from, in words."""
    streaks: float = 0.0
    """Density of the rain that is drawn in front of its results, 1 is heavy; 0 is none."""


@dataclass(frozen=True)
class PackedStudent:
    """A student with all that its folder holds. What exports a `PackedGenerator` exports this."""

    generator: StudentGenerator
    card: StudentCard

    @property
    def base(self) -> LearntPrompt:
        """What turns the card's prompt into an embedding."""
        return LearntPrompt(self.card.prompt)


def packed_student(student: StudentNetwork, card: StudentCard) -> PackedStudent:
    """Put a trained network together with its card, in eval mode and with nothing left to train."""
    return PackedStudent(StudentGenerator(student.requires_grad_(False), card.streaks).eval(), card)


def save_student(packed: PackedStudent, folder: Path) -> None:
    """Write a student into a folder that exists."""
    with told_if_unwritten(folder):
        packed.generator.student.save_pretrained(folder / STUDENT_PART)
    card = {"format": STUDENT_FORMAT, "version": _VERSION, **dataclasses.asdict(packed.card)}
    (folder / CARD_NAME).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_student(folder: str | Path) -> PackedStudent:
    """Load a student in float32 and eval mode.

    Raises:
        GeneratorError: A part is missing or damaged.
    """
    path = Path(folder)
    check_parts(path, (STUDENT_PART,), kind="student")
    card = read_card(path / CARD_NAME, StudentCard, of_format=STUDENT_FORMAT, version=_VERSION, advice=_AGAIN)
    student: StudentNetwork = load_network(StudentNetwork.from_pretrained, path / STUDENT_PART)
    return packed_student(student, card)
