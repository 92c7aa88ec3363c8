"""A distillation that is stopped, or that cannot write: what is left is whole, and the same command goes on from it."""

import dataclasses
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from onestep.errors import OutputError
from onestep.training.folder import PackedGenerator
from onestep.training.students import progress_file
from onestep.training.students.claim import claim_work
from onestep.training.students.distillation import PROGRESS_NAME, DistillOptions, distil
from onestep.training.students.folder import PackedStudent
from onestep.training.students.losses import LossWeights
from onestep.training.students.training import StudentTrainer, StudentTraining
from tests.training.test_commands_distill import RENDERED, Quiet, options
from tests.training.test_students import small_student

STEPS = 4


def _options() -> DistillOptions:
    chosen = options(RENDERED, steps=STEPS)
    weights = LossWeights(teacher=0.0, perceptual=1.0)
    training = dataclasses.replace(chosen.training, checkpoint_every=100, perceptual_every=1, weights=weights)
    return dataclasses.replace(chosen, training=training)


class _Judge:
    """A perceptual distance during whose second call somebody presses Ctrl-C."""

    def __init__(self, *, interrupts: bool) -> None:
        self.calls, self.interrupts = 0, interrupts

    def __call__(self, result: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.interrupts and self.calls == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return (result - target).abs().mean(dim=(1, 2, 3))


def test_ctrl_c_ends_a_distillation_after_the_step_that_it_fell_into(packed: PackedGenerator, tmp_path: Path) -> None:
    """In the midst of a step some weights have moved and others have not: nothing to go on from."""

    def run(place: str, *, interrupts: bool = False) -> tuple[PackedStudent, Quiet]:
        listener = Quiet()
        try:
            student = distil(
                packed,
                tmp_path / place,
                work=tmp_path / f"{place}.work",
                options=_options(),
                perceptual=_Judge(interrupts=interrupts),
                listener=listener,
            )
        finally:
            told.append(listener)
        return student, listener

    told: list[Quiet] = []
    unbroken, _ = run("unbroken")
    with pytest.raises(KeyboardInterrupt):
        run("broken", interrupts=True)
    assert told[-1].lines[-1] == "interrupted after step 2; the same command goes on from there"
    assert not (tmp_path / "broken").exists()
    student, listener = run("broken")
    assert listener.lines[0] == "going on after step 2"
    for ours, theirs in zip(student.generator.parameters(), unbroken.generator.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_a_work_folder_that_cannot_be_one_is_refused_in_words(packed: PackedGenerator, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for work in (tmp_path / "file", tmp_path / "file" / "work"):
        with pytest.raises(
            OutputError, match=r"The work folder .*file.* cannot be used: .* Choose another with --work"
        ):
            distil(packed, tmp_path / "s", work=work, options=_options(), perceptual=None, listener=Quiet())
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "settings.json").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(OutputError, match="cannot be used: 'utf-8' codec"):
        claim_work(tmp_path, {})


def test_a_full_disk_leaves_the_progress_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / PROGRESS_NAME
    trainer = StudentTrainer(small_student(), StudentTraining(steps=1))
    trainer.save(path)
    before = path.read_bytes()

    def full(tensors: dict[str, torch.Tensor], place: Path, metadata: dict[str, str]) -> None:
        place.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(progress_file, "save_file", full)
    with pytest.raises(OutputError, match=r"No space left.*of the step that was saved before\. Make room"):
        trainer.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [PROGRESS_NAME]
