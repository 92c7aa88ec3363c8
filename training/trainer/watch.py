"""What is looked at while it trains, by the averaged weights: samples, validation, alarms, and what is saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from onestep.training.adaptation.to_checkpoint import checkpoint_of
from onestep.training.checkpoints.safetensors_file import save_checkpoint
from onestep.training.data import preparation
from onestep.training.trainer.display import Display
from onestep.training.trainer.history import History
from onestep.training.trainer.logs import Log
from onestep.training.trainer.pictures import TranslatePicture, picture_translator
from onestep.training.trainer.run_folder import RunFolder
from onestep.training.trainer.sample_grid import write_grid
from onestep.training.trainer.settings import Settings
from onestep.training.trainer.state import TrainingState
from onestep.training.trainer.state_file import saved_steps, write_state
from onestep.training.trainer.task import Grid, Task
from onestep.training.trainer.validation import Features, Validation, validation_table

ALARMS_FROM = 0.1
"""Share of all steps that go by before an alarm is raised: at first every model copies its input."""


@dataclass
class Watcher:
    """Samples, validates and saves a run; on the main process only.

    Attributes:
        folder: Of the run.
        settings: How often.
        task: What is shown and tried.
        state: What is saved.
        history: Validations so far.
        features: Network of the validation; None where nothing is validated.
        display: Where it is said.
        logs: Where measures are written.
        base: Name of the base.
        base_sha256: Hash of its weights.
        licence: Licence of the weights.
    """

    folder: RunFolder
    settings: Settings
    task: Task[Any]
    state: TrainingState
    history: History
    features: Features | None
    display: Display
    logs: Sequence[Log]
    base: str
    base_sha256: str
    licence: str

    def look(self) -> None:
        """Write samples and validate, each if it is due at this step."""
        watch = self.settings.watch
        if self._due(watch.sample_every):
            self._sample()
        if self._due(watch.validate_every) and self.state.step not in self.history.rows:
            self._validate()

    def save_if_due(self) -> None:
        """Save the state and the checkpoint, if it is due at this step."""
        if self._due(self.settings.watch.save_every):
            self.save()

    def save(self) -> None:
        """Save the state and the checkpoint.

        Raises:
            OutputError: They cannot be written; what was saved before is whole.
        """
        if self.state.step not in saved_steps(self.folder.states):  # a run that was just resumed has it
            state = {**self.state.captured(), "history": self.history.captured()}
            write_state(state, self.folder.states, step=self.state.step)
        self._write_checkpoint(best=False)

    def write(self, values: dict[str, float]) -> None:
        """Write values of this step into the logs."""
        for log in self.logs:
            log.write(self.state.step, values)

    def close(self) -> None:
        """Close the display, then all logs; one that cannot be finished is said, since the run is whole without it."""
        self.display.close()
        for log in self.logs:
            try:
                log.close()
            except OSError as err:
                self.display.say(f"Warning: {err}")

    def _due(self, every: int) -> bool:
        last = self.settings.optimiser.max_steps
        return bool(every) and (self.state.step % every == 0 or self.state.step == last)

    @cached_property
    def _translate(self) -> TranslatePicture:
        return picture_translator(self.task.translate, self.task.encode, self.state.device)

    @cached_property
    def _grid(self) -> Grid:
        return self.task.grid()

    @cached_property
    def _validation(self) -> Validation:
        assert self.features is not None
        return Validation(self.task.trials(), self.features)

    def _sample(self) -> None:
        with self.state.average.applied():
            rows = self._grid.rows(self._translate)
        write_grid(self.folder.samples / f"step-{self.state.step:08d}.png", self._grid.columns, rows)

    def _validate(self) -> None:
        step, history = self.state.step, self.history
        if not history.copies:
            history.copies = self._validation.copies()
        with self.state.average.applied():
            history.rows[step], changes = self._validation.run(self._translate)
        self.write(history.rows[step])
        history.write(self.folder.validation)
        title = f"Validation after {step} steps, KID on {self.settings.watch.features}"
        self.display.show(validation_table(history.shown(), title=title))
        if history.best_step == step:
            self._write_checkpoint(best=True)
        self._warn([text for name, moved in changes.items() for text in moved.alarms(name)])

    def _warn(self, alarms: list[str]) -> None:
        early = self.state.step < ALARMS_FROM * self.settings.optimiser.max_steps
        worse = self.history.warning()
        for text in [*([] if early else alarms), *([worse] if worse else [])]:
            self.display.say(f"Warning: {text}")

    def _write_checkpoint(self, *, best: bool) -> None:
        checkpoint = checkpoint_of(
            self.state.generator,
            tensors=self.state.average.values,
            prompts=self.task.prompts,
            base=self.base,
            base_sha256=self.base_sha256,
            licence=self.licence,
            preferred_size=preparation(self.settings.data.preparation).size,
        )
        save_checkpoint(checkpoint, self.folder.best if best else self.folder.checkpoint, overwrite=True)
