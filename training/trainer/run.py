"""A training run from its settings to its checkpoint."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onestep.runtime.text_file import write_whole
from onestep.training.trainer.display import Display, Silent, Spoken, told_where_slow
from onestep.training.trainer.logs import open_logs
from onestep.training.trainer.loop import run_loop
from onestep.training.trainer.prepare import Prepared, prepare
from onestep.training.trainer.processes import Processes
from onestep.training.trainer.resume import BASE, check_same_inputs
from onestep.training.trainer.run_folder import RunFolder
from onestep.training.trainer.settings import Settings
from onestep.training.trainer.settings_file import text_of
from onestep.training.trainer.state_file import read_state
from onestep.training.trainer.step import Stepper
from onestep.training.trainer.usable_pictures import untold
from onestep.training.trainer.watch import Watcher


@dataclass(frozen=True)
class RunReport:
    """What a finished run leaves."""

    folder: RunFolder
    steps: int
    best_step: int | None
    """None without validation."""
    measures: Mapping[str, Mapping[str, float]]
    """The validation's rows: the copied input, step 0, the best step and the last."""


def train(settings: Settings, output: Path, *, resume: bool = False, download: bool = False) -> RunReport | None:
    """Train a generator.

    Everything is checked before the run's folder appears. The checkpoint holds the weights' moving average.

    Args:
        settings: Everything that can be chosen.
        output: The run's folder.
        resume: Whether the run is there and goes on.
        download: Whether the hub may be asked for a base that is not on this machine.

    Returns:
        What the run left; None on the processes that are not the main one.

    Raises:
        OnestepError: Something is wrong with settings, pictures, base, memory or disk; the message says what.
        KeyboardInterrupt: The user stopped it; the state was saved.
    """
    folder = RunFolder(output)
    processes = Processes(settings.machine)
    try:
        if processes.is_main and not resume:
            folder.check_free()
        with processes.numerics():
            return _train(settings, folder, processes, resume=resume, download=download)
    finally:
        processes.close()


def _train(
    settings: Settings, folder: RunFolder, processes: Processes, *, resume: bool, download: bool
) -> RunReport | None:
    tell = told_where_slow("pictures looked at") if processes.is_main else untold
    prepared = prepare(settings, processes, download=download, tell=tell)
    if resume:
        check_same_inputs(folder, prepared.inputs)
        _restore(prepared, folder)
    processes.wait()
    display = _display(settings, prepared) if processes.is_main else Silent()
    for note in prepared.notes:
        display.say(note)
    watcher = None
    if processes.is_main:
        if resume:
            # the next --resume goes on as this one was asked to
            write_whole(folder.settings, text_of(settings), overwrite=True)
        else:
            _begin(folder, settings, prepared)
        watcher = _watcher(settings, folder, prepared, display)
    stepper: Stepper[Any] = Stepper(
        state=prepared.state,
        objective=prepared.task.objective,
        processes=processes,
        settings=settings,
        batch_size=processes.share_of(settings.data.batch_size),
    )
    try:
        run_loop(prepared.task, stepper, watcher, processes)
    finally:
        if watcher is not None:
            watcher.close()
    if watcher is None:
        return None
    rows = prepared.history.rows
    return RunReport(
        folder=folder,
        steps=prepared.state.step,
        best_step=prepared.history.best_step if rows else None,
        measures=prepared.history.shown() if rows else {},
    )


def _restore(prepared: Prepared, folder: RunFolder) -> None:
    """Take over the last state; a run that was stopped before its first one begins again."""
    saved = read_state(folder.states)
    if saved is not None:
        prepared.state.restore(saved, source=str(folder.states))
        prepared.history.restore(saved["history"])


def _begin(folder: RunFolder, settings: Settings, prepared: Prepared) -> None:
    folder.begin()
    folder.inputs.write_text(json.dumps(prepared.inputs, indent=2) + "\n", "utf-8")
    write_whole(folder.settings, text_of(settings), overwrite=True)  # last: they make the folder a run


def _display(settings: Settings, prepared: Prepared) -> Display:
    return Spoken(
        total=settings.optimiser.max_steps,
        done=prepared.state.step,
        pictures_per_step=settings.data.batch_size * prepared.task.sides,
        every=settings.watch.log_every,
    )


def _watcher(settings: Settings, folder: RunFolder, prepared: Prepared, display: Display) -> Watcher:
    return Watcher(
        folder=folder,
        settings=settings,
        task=prepared.task,
        state=prepared.state,
        history=prepared.history,
        features=prepared.features,
        display=display,
        logs=open_logs(folder, settings.watch, step=prepared.state.step),
        base=prepared.base,
        base_sha256=prepared.inputs[BASE],
        licence=prepared.licence,
    )
