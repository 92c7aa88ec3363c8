"""The loop that trains students: optimisers, turns, the critic, and going on after a stop."""

import dataclasses
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from onestep.errors import CheckpointError, SettingError, TrainingError
from onestep.training.students.batch import Batch
from onestep.training.students.critic import Critic
from onestep.training.students.losses import LossWeights, wanted
from onestep.training.students.network import StudentNetwork, StudentShape
from onestep.training.students.training import StudentTrainer, StudentTraining
from tests.training.test_students import small_student


@dataclasses.dataclass
class _Darkening:
    """Pictures whose truth is half as bright."""

    side: int = 16

    def batch(self, rng: np.random.Generator) -> Batch:
        image = torch.from_numpy(rng.random((2, 3, self.side, self.side), np.float32)) * 2 - 1
        return Batch(image, (image + 1) / 2 - 1, None)


def _options(steps: int, **changes: object) -> StudentTraining:
    weights = LossWeights(perceptual=0.0)
    options = StudentTraining(steps=steps, learning_rate=2e-3, report_every=10, checkpoint_every=10, weights=weights)
    return dataclasses.replace(options, **changes)  # type: ignore[arg-type]


def test_training_is_checked() -> None:
    with pytest.raises(SettingError, match="Steps and intervals are 1 or more"):
        StudentTraining(steps=0)


def test_a_student_learns_to_darken() -> None:
    trainer = StudentTrainer(small_student(), _options(120))
    lines: list[str] = []
    trainer.run(lambda step: [_Darkening()], perceptual=None, log=lines.append)
    image = _Darkening().batch(np.random.default_rng(99)).image
    before = float((image - ((image + 1) / 2 - 1)).abs().mean())
    after = float((trainer.average(image).detach() - ((image + 1) / 2 - 1)).abs().mean())
    assert after < 0.5 * before and len(lines) == 12 and lines[0].startswith("step 10/120 loss")


def test_batches_are_drawn_beside_the_step_that_is_computed() -> None:
    drawn: list[str] = []

    class Noting(_Darkening):
        def batch(self, rng: np.random.Generator) -> Batch:
            drawn.append(threading.current_thread().name)
            return super().batch(rng)

    StudentTrainer(small_student(), _options(3)).run(lambda step: [Noting()], perceptual=None)
    assert len(drawn) == 3 and threading.current_thread().name not in drawn


def test_drawing_batches_takes_no_helpers_from_the_step() -> None:
    """A thread with helpers of its own halves the speed of the step that it shall not hold up."""
    threads: list[int] = []

    class Counting(_Darkening):
        def batch(self, rng: np.random.Generator) -> Batch:
            threads.append(torch.get_num_threads())
            return super().batch(rng)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        StudentTrainer(small_student(), _options(3)).run(lambda step: [Counting()], perceptual=None)
        assert threads == [1, 1, 1] and torch.get_num_threads() == 2
        later = threading.Thread(target=lambda: threads.append(torch.get_num_threads()))
        later.start()
        later.join()
        assert threads[-1] == 2, "threads that begin afterwards have theirs"
    finally:
        torch.set_num_threads(before)


def test_windows_and_whole_frames_are_judged_in_turn() -> None:
    sides: list[int] = []

    def judge(result: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        sides.append(result.shape[-1])
        return (result - target).abs().mean(dim=(1, 2, 3))

    options = _options(8, perceptual_every=2, weights=LossWeights(perceptual=1.0, teacher=0.0))
    sources = (_Darkening(side=16), _Darkening(side=32))
    StudentTrainer(small_student(), options).run(lambda step: sources if step >= 4 else sources[:1], perceptual=judge)
    assert sides == [16, 16, 16, 32], "every second of a source's turns: steps 0 and 2, and 4 and 5 of both"


@pytest.mark.parametrize("adversarial", [0.0, 0.1])
def test_a_resumed_training_ends_where_an_unbroken_one_does(
    tmp_path: Path, adversarial: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onestep.training.students.training.CRITIC_HEADSTART", 2)
    path, source = tmp_path / "progress.safetensors", _Darkening(side=32)
    weights = LossWeights(perceptual=0.0, adversarial=adversarial)
    options = _options(6, checkpoint_every=3, critic_from=0.0, weights=weights)
    unbroken, first, second = (_seeded_trainer(options, seed) for seed in (0, 0, 1))
    unbroken.run(lambda step: [source], perceptual=None)
    with pytest.raises(KeyboardInterrupt):
        first.run(lambda step: [source], perceptual=None, on_checkpoint=lambda step: _save_and_stop(first, path))
    second.resume(path)
    assert second.step == 3
    second.run(lambda step: [source], perceptual=None)
    for ours, theirs in zip(second.average.parameters(), unbroken.average.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)
    for ours, theirs in zip(_momentum(second), _momentum(unbroken), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)
    if second.critic is not None and unbroken.critic is not None:
        for ours, theirs in zip(_adam_state(second.critic), _adam_state(unbroken.critic), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def _momentum(trainer: StudentTrainer) -> list[torch.Tensor]:
    """Return what Muon keeps of a student's weights."""
    muon = trainer.optimisers[0]
    return [muon.state[weight]["momentum_buffer"] for weight in muon.param_groups[0]["params"]]


def _adam_state(critic: Critic) -> list[torch.Tensor]:
    """Return the critic's weights and what Adam keeps of them."""
    weights = list(critic.network.parameters())
    states = [critic.optimiser.state[weight] for weight in weights]
    return [*weights, *(state[key] for state in states for key in ("step", "exp_avg", "exp_avg_sq"))]


def _seeded_trainer(options: StudentTraining, seed: int) -> StudentTrainer:
    torch.manual_seed(seed)
    return StudentTrainer(small_student(seed), options)


def test_the_critic_learns_first_and_is_asked_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onestep.training.students.training.CRITIC_HEADSTART", 2)
    asked: list[int] = []
    taught: list[int] = []

    def opinion(self: Critic, image: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
        asked.append(trainer.step)
        return result.mean()

    def learn(self: Critic, image: torch.Tensor, truth: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
        assert not result.requires_grad
        taught.append(trainer.step)
        return torch.tensor(1.5)

    monkeypatch.setattr(Critic, "opinion", opinion)
    monkeypatch.setattr(Critic, "learn", learn)
    weights = LossWeights(perceptual=0.0, adversarial=0.1)
    trainer = StudentTrainer(small_student(), _options(6, critic_from=0.5, report_every=6, weights=weights))
    lines: list[str] = []
    trainer.run(lambda step: [_Darkening()], perceptual=None, log=lines.append)
    assert (taught, asked) == ([3, 4, 5], [5])
    assert "critic 1.50" in lines[0]


def test_a_critic_that_would_never_be_asked_is_refused() -> None:
    with pytest.raises(SettingError, match=r"join at step 100 of 200, learn 150 steps, and never be asked"):
        StudentTraining(steps=200, weights=LossWeights(adversarial=0.1))
    with pytest.raises(SettingError, match="critic_from and steadier_from are from 0 to 1"):
        StudentTraining(critic_from=1.5)


def test_a_truth_without_weight_is_not_what_is_wanted() -> None:
    batch = _Darkening().batch(np.random.default_rng(0))
    both = dataclasses.replace(batch, teacher=batch.image)
    assert wanted(both, LossWeights()) is both.truth
    assert wanted(both, LossWeights(truth=0.0)) is both.teacher
    assert wanted(batch, LossWeights()) is batch.truth


def test_a_critic_learns_to_tell_the_truth_from_a_result() -> None:
    critic = Critic(bfloat16=False)
    batch = _Darkening(side=32).batch(np.random.default_rng(0))
    assert batch.truth is not None
    losses = [float(critic.learn(batch.image, batch.truth, batch.image)) for _ in range(12)]
    assert losses[-1] < 0.7 * losses[0]
    liked, disliked = (float(critic.opinion(batch.image, result).detach()) for result in (batch.truth, batch.image))
    assert liked < disliked


def test_asking_the_critic_leaves_nothing_for_it_to_learn() -> None:
    critic, result = Critic(bfloat16=False), torch.rand(1, 3, 32, 32, requires_grad=True)
    critic.opinion(torch.rand(1, 3, 32, 32), result).backward()  # type: ignore[no-untyped-call]
    assert result.grad is not None and float(result.grad.abs().sum()) > 0.0
    assert all(weight.grad is None and weight.requires_grad for weight in critic.network.parameters())


def _save_and_stop(trainer: StudentTrainer, path: Path) -> None:
    trainer.save(path)
    raise KeyboardInterrupt


def test_progress_of_another_student_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "progress.safetensors"
    StudentTrainer(small_student(), _options(1)).save(path)
    other = StudentNetwork.of_shape(StudentShape(widths=(16, 16), down_blocks=(0, 1), up_blocks=(1,)))
    with pytest.raises(CheckpointError, match="is the progress of another student"):
        StudentTrainer(other, _options(1)).resume(path)
    with safe_open(path, "pt") as file:
        save_file(load_file(path), path, metadata={**file.metadata(), "format": "onestep-student-progress-2"})
    with pytest.raises(CheckpointError, match="of another version of onestep"):
        StudentTrainer(small_student(), _options(1)).resume(path)
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="cannot be read"):
        StudentTrainer(small_student(), _options(1)).resume(path)


def _weights(trainer: StudentTrainer) -> list[torch.Tensor]:
    return [
        weight.detach().clone() for network in (trainer.student, trainer.average) for weight in network.parameters()
    ]


def test_a_gradient_that_is_no_number_is_not_followed() -> None:
    trainer = StudentTrainer(small_student(), _options(10))
    before = _weights(trainer)
    weight: Any = trainer.student.head.weight
    weight.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(TrainingError, match="The student's gradient of step 1 is (nan|inf). Lower the learning rate"):
        trainer.run(lambda step: [_Darkening()], perceptual=None)
    assert all(torch.equal(now, then) for now, then in zip(_weights(trainer), before, strict=True))


def test_a_critic_that_fails_stops_before_the_student_has_stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = LossWeights(perceptual=0.0, adversarial=0.1)
    trainer = StudentTrainer(small_student(), _options(200, critic_from=0.0, weights=weights))
    before = _weights(trainer)
    monkeypatch.setattr(Critic, "learn", lambda *pictures: torch.tensor(torch.nan))
    with pytest.raises(TrainingError, match="The critic's loss of step 1 is nan"):
        trainer.run(lambda step: [_Darkening(side=32)], perceptual=None)
    assert all(torch.equal(now, then) for now, then in zip(_weights(trainer), before, strict=True))


def test_a_critic_does_not_follow_a_gradient_that_is_no_number() -> None:
    critic = Critic(bfloat16=False)
    before = [weight.detach().clone() for weight in critic.network.parameters()]
    weight: Any = next(critic.network.parameters())
    weight.register_hook(lambda gradient: gradient * torch.inf)
    image = torch.rand(1, 3, 32, 32)
    assert not torch.isfinite(critic.learn(image, image, -image))
    assert all(torch.equal(now, then) for now, then in zip(critic.network.parameters(), before, strict=True))
