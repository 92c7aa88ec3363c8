"""The optimisers' loop for students: bfloat16 where the processor is fast at it, checkpoints often, resumable."""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from onestep.errors import SettingError, TrainingError
from onestep.training.data import Prefetcher
from onestep.training.students.batch import Batch, BatchSource
from onestep.training.students.critic import Critic
from onestep.training.students.losses import LossWeights, Perceptual, student_loss, wanted
from onestep.training.students.muon import student_optimisers
from onestep.training.students.network import StudentNetwork
from onestep.training.students.progress_file import Optimised, load_progress, save_progress

WARMUP_STEPS = 100
FINAL_RATE_SHARE = 0.02
EMA_DECAY = 0.998
CLIP_NORM = 1.0
CRITIC_HEADSTART = 150
"""Steps that the critic learns before it is asked."""


@dataclass(frozen=True)
class StudentTraining:
    """How long and how fast."""

    steps: int = 4000
    learning_rate: float = 1e-3
    """The highest; a cosine schedule goes down from it to 2 % (Loshchilov and Hutter 2017)."""
    seed: int = 0
    """Of the order of the data and its augmentation."""
    report_every: int = 50
    checkpoint_every: int = 250
    bfloat16: bool = False
    """Compute forward and backward in bfloat16, weights and losses in float32. Several times as fast on processors
    with AMX, and on GPUs."""
    perceptual_every: int = 4
    """The perceptual distance costs several times what the student costs: it is computed in each so many turns of a
    source."""
    critic_from: float = 0.5
    """Share of the steps before the critic joins, where `weights.adversarial` asks for one."""
    steadier_from: float = 0.0
    """Share of the steps before `weights.temporal` may count more than once: first the picture, then its steadiness."""
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        if (
            min(self.steps, self.report_every, self.checkpoint_every, self.perceptual_every) < 1
            or self.learning_rate <= 0.0
            or not 0.0 <= self.critic_from <= 1.0
            or not 0.0 <= self.steadier_from <= 1.0
        ):
            raise SettingError(
                "Steps and intervals are 1 or more, the rate is above 0, critic_from and steadier_from are "
                f"from 0 to 1; got {self}."
            )
        if self.weights.adversarial and self.critic_joins + CRITIC_HEADSTART >= self.steps:
            raise SettingError(
                f"The critic would join at step {self.critic_joins} of {self.steps}, learn {CRITIC_HEADSTART} steps, "
                "and never be asked. Take more steps, or let it join earlier."
            )

    def weights_at(self, step: int) -> LossWeights:
        """Return what the parts of the loss count in a step."""
        if step >= self.steadier_from * self.steps:
            return self.weights
        return replace(self.weights, temporal=min(self.weights.temporal, 1.0))

    @property
    def critic_joins(self) -> int:
        """The step from which on the critic learns."""
        return int(self.critic_from * self.steps)


class StudentTrainer:
    """A student on its way: weights, their moving average, the optimisers' moments, and its critic where it has one.

    Args:
        student: The student, changed in place, on the device it shall be trained on.
        options: How long and how fast.
    """

    def __init__(self, student: StudentNetwork, options: StudentTraining) -> None:
        self.student, self.options = student, options
        self.student.to(memory_format=torch.channels_last).train().requires_grad_(True)
        self.average: StudentNetwork = copy.deepcopy(student).requires_grad_(False).eval()
        self.optimisers = student_optimisers(student, options.learning_rate)
        self.critic = Critic(bfloat16=options.bfloat16) if options.weights.adversarial else None
        if self.critic is not None:
            self.critic.network.to(next(student.parameters()).device)
            self.critic.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._critic_losses: list[float] = []
        self.step = 0

    def save(self, path: Path) -> None:
        """Write all that `resume` needs into one safetensors file, which replaces an older one at once.

        Raises:
            OutputError: It cannot be written; an older one is as it was.
        """
        save_progress(path, self.step, self.average, self._trained())

    def resume(self, path: Path) -> None:
        """Go on where `save` was called.

        Raises:
            CheckpointError: The file is damaged or is of a student of another shape.
        """
        self.step = load_progress(path, self.average, self._trained())

    def run(
        self,
        sources_of_step: Callable[[int], Sequence[BatchSource]],
        *,
        perceptual: Perceptual | None,
        log: Callable[[str], None] = lambda line: None,
        on_step: Callable[[int], None] = lambda step: None,
        on_checkpoint: Callable[[int], None] = lambda step: None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train until `options.steps`, or until somebody asks it to stop.

        Args:
            sources_of_step: Where the batches of a step may come from; they take turns. Called in another thread, ahead
                of the step.
            perceptual: A perceptual distance, or None.
            log: Takes a line of text now and then.
            on_step: Called after each step.
            on_checkpoint: Called every `checkpoint_every` steps and at the end.
            interrupted: Asked after each step whether it was the last.

        Raises:
            TrainingError: A loss or a gradient is not finite; no weights have followed it.
        """
        running, counted, begun = 0.0, 0, time.monotonic()
        with self._batches(sources_of_step) as batches:
            for batch, is_judged in batches:
                running += self._step(batch, perceptual if is_judged else None)
                counted += 1
                self.step += 1
                on_step(self.step)
                if self.step % self.options.report_every == 0:
                    seconds = (time.monotonic() - begun) / counted
                    told = f"step {self.step}/{self.options.steps} loss {running / counted:.4f}{self._critic_text()}"
                    log(f"{told}, {seconds:.2f} s a step")
                    running, counted, begun = 0.0, 0, time.monotonic()
                if self.step % self.options.checkpoint_every == 0 or self.step == self.options.steps:
                    on_checkpoint(self.step)
                if interrupted():
                    return

    def _batches(self, sources_of_step: Callable[[int], Sequence[BatchSource]]) -> Prefetcher[tuple[Batch, bool]]:
        """Draw the batches of all steps to come, each with whether the perceptual distance has its turn."""

        def drawn(step: int) -> tuple[Batch, bool]:
            sources = sources_of_step(step)
            turn, place = divmod(step, len(sources))
            batch = sources[place].batch(np.random.default_rng([self.options.seed, step]))
            return batch, turn % self.options.perceptual_every == 0

        return Prefetcher(drawn, range(self.step, self.options.steps), threads=1, ahead=2)

    def _step(self, batch: Batch, perceptual: Perceptual | None) -> float:
        batch = batch.to(next(self.student.parameters()).device)
        self._prepare_optimisers()
        with torch.autocast(batch.image.device.type, torch.bfloat16, enabled=self.options.bfloat16):
            result = self.student(batch.image.contiguous(memory_format=torch.channels_last), batch.corners)
            loss = student_loss(result, batch, weights=self.options.weights_at(self.step), perceptual=perceptual)
            loss = loss + self._opinion(batch, result)
        value = _finite(loss, self.step, self.options.learning_rate, of="student's loss")
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.student.parameters(), CLIP_NORM)
        _finite(norm, self.step, self.options.learning_rate, of="student's gradient")
        self._teach_critic(batch, result)
        for optimiser in self.optimisers:
            optimiser.step()
        self._follow()
        return value

    def _prepare_optimisers(self) -> None:
        """Set the rate of this step, and forget the gradients of the last."""
        rate = self.options.learning_rate * _rate_share(self.step, self.options.steps)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
            for group in optimiser.param_groups:
                group["lr"] = rate

    def _opinion(self, batch: Batch, result: Tensor) -> Tensor | float:
        """Return the critic's part of the loss, once it knows enough to be asked."""
        if self.critic is None or self.step < self.options.critic_joins + CRITIC_HEADSTART:
            return 0.0
        return self.options.weights.adversarial * self.critic.opinion(batch.image, result)

    def _teach_critic(self, batch: Batch, result: Tensor) -> None:
        if self.critic is not None and self.step >= self.options.critic_joins:
            loss = self.critic.learn(batch.image, wanted(batch, self.options.weights), result.detach())
            self._critic_losses.append(_finite(loss, self.step, self.options.learning_rate, of="critic's loss"))

    def _critic_text(self) -> str:
        """Say how well the critic has told truth from result since it was last said: 2 is not at all."""
        losses, self._critic_losses = self._critic_losses, []
        return f", critic {sum(losses) / len(losses):.2f}" if losses else ""

    def _trained(self) -> dict[str, Optimised]:
        """Name the networks that are trained, each with its optimisers."""
        trained: dict[str, Optimised] = {"student": (self.student, self.optimisers)}
        if self.critic is not None:
            trained["critic"] = (self.critic.network, (self.critic.optimiser,))
        return trained

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        for ours, theirs in zip(self.average.parameters(), self.student.parameters(), strict=True):
            ours.lerp_(theirs, 1.0 - decay)


def _finite(scalar: Tensor, step: int, rate: float, *, of: str) -> float:
    value = float(scalar.detach())
    if not np.isfinite(value):
        raise TrainingError(f"The {of} of step {step + 1} is {value}. Lower the learning rate ({rate:g}).")
    return value


def _rate_share(step: int, steps: int) -> float:
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    cosine = 0.5 * (1.0 + float(np.cos(np.pi * step / steps)))
    return warm * (FINAL_RATE_SHARE + (1.0 - FINAL_RATE_SHARE) * cosine)
