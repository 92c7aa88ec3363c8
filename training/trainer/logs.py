"""Losses and measures on disk: one JSON object per line, events for TensorBoard, Weights & Biases by choice."""

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from onestep.atomic import whole_file
from onestep.errors import MissingExtraError, OutputError
from onestep.training.trainer.run_folder import RunFolder
from onestep.training.trainer.settings import WatchSettings


class Log(Protocol):
    """Somewhere that values go to."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Take the values after a number of steps."""

    def close(self) -> None:
        """Finish writing."""


class JsonLines:
    """`{"step": 10, "cycle_l1": 0.2, ...}` per line, each line whole on disk before the run goes on.

    Args:
        path: The file.
        step: Steps that are done: lines of later ones, from before the run was resumed, are dropped.

    Raises:
        OutputError: The file cannot be written.
    """

    def __init__(self, path: Path, *, step: int) -> None:
        self._path = path
        kept = [line for line in _lines(path) if line["step"] <= step]
        self._guarded(lambda: self._rewrite(kept))
        self._file = path.open("a", encoding="utf-8")

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add a line."""

        def add() -> None:
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            self._file.flush()

        self._guarded(add)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rewrite(self, lines: Sequence[Mapping[str, Any]]) -> None:
        with whole_file(self._path) as partial:
            partial.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")

    def _guarded(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as err:
            raise OutputError(f"Writing the log {self._path} failed: {err}. Make room, then --resume the run.") from err


class TensorBoard:
    """Event files for TensorBoard; events past `step`, from before the run was resumed, are hidden there."""

    def __init__(self, folder: Path, *, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add each value as a scalar."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left, and close."""
        self._writer.close()


class WeightsAndBiases:
    """A run of Weights & Biases.

    Raises:
        MissingExtraError: wandb is not installed; it is no part of any extra.
    """

    def __init__(self, project: str, folder: Path) -> None:
        try:
            wandb = importlib.import_module("wandb")
        except ImportError as err:
            raise MissingExtraError(
                f"wandb is needed to log to the project {project!r} and could not be imported ({err}). "
                "Install it: pip install wandb; or leave --wandb out."
            ) from err
        self._run: Any = wandb.init(project=project, name=folder.name, dir=str(folder))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()


def open_logs(folder: RunFolder, settings: WatchSettings, *, step: int) -> list[Log]:
    """Open the logs that were chosen, to go on after a number of steps."""
    logs: list[Log] = [JsonLines(folder.log, step=step)]
    if settings.tensorboard:
        logs.append(TensorBoard(folder.tensorboard, step=step))
    if settings.wandb is not None:
        logs.append(WeightsAndBiases(settings.wandb, folder.root))
    return logs


def _lines(path: Path) -> list[dict[str, Any]]:
    """Read the whole lines of a log; a last one that a kill cut short is left out."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text("utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines() if line]
