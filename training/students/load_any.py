"""Whatever can be exported, out of its folder: a generator, a student, or a student's bundle."""

from pathlib import Path

from onestep.bundle.folder import MANIFEST_NAME
from onestep.training.folder import PackedGenerator, load_generator
from onestep.training.students.folder import STUDENT_PART, PackedStudent, load_student
from onestep.training.students.from_bundle import student_from_bundle


def load_any_generator(folder: str | Path) -> PackedGenerator | PackedStudent:
    """Load a generator folder, a student's folder, or the student that a bundle was exported from, in float32.

    Raises:
        BundleError: A bundle that is damaged.
        GeneratorError: A part is missing, damaged, or does not fit the others.
    """
    path = Path(folder)
    if (path / STUDENT_PART).is_dir():
        return load_student(path)
    return student_from_bundle(path) if (path / MANIFEST_NAME).is_file() else load_generator(path)
