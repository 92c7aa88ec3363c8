"""A student as a generator folder: `onestep.json`, and `student/` with its configuration and weights."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from onestep.errors import GeneratorError
from onestep.training.card_name import CARD_NAME
from onestep.training.part_files import check_parts, load_network, told_if_unwritten
from onestep.training.students.generator import LearntPrompt, StudentGenerator
from onestep.training.students.network import StudentNetwork

_FORMAT = "onestep-student"
_VERSION = 1
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
    card = {"format": _FORMAT, "version": _VERSION, **dataclasses.asdict(packed.card)}
    (folder / CARD_NAME).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_student(folder: str | Path) -> PackedStudent:
    """Load a student in float32 and eval mode.

    Raises:
        GeneratorError: A part is missing or damaged.
    """
    path = Path(folder)
    check_parts(path, (STUDENT_PART,), kind="student")
    card = _read_card(path / CARD_NAME)
    student: StudentNetwork = load_network(StudentNetwork.from_pretrained, path / STUDENT_PART)
    return packed_student(student, card)


def _read_card(path: Path) -> StudentCard:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise GeneratorError(f"{path} cannot be read ({err}). A student's folder needs it: distil it again.") from err
    if content.get("format") != _FORMAT or content.get("version") != _VERSION:
        raise GeneratorError(
            f"{path} has format {content.get('format')!r} version {content.get('version')!r}; "
            f"expected {_FORMAT!r} version {_VERSION}. Make the student with this version of onestep."
        )
    fields = dataclasses.fields(StudentCard)
    missing = [field.name for field in fields if field.name not in content and field.default is dataclasses.MISSING]
    if missing:
        raise GeneratorError(f"{path} lacks {', '.join(missing)}. Distil the student again.")
    values = {field.name: content[field.name] for field in fields if field.name in content}
    values["preferred_size"] = tuple(values["preferred_size"])
    return StudentCard(**values)
