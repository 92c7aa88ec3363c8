"""Losses and measures on disk: one JSON object per line, events for TensorBoard, Weights & Biases by choice."""

import importlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
        with _told_if_unwritten(path):
            self._rewrite([line for line in _lines(path) if line["step"] <= step])
            self._file = path.open("a", encoding="utf-8")

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add a line."""
        with _told_if_unwritten(self._path):
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with _told_if_unwritten(self._path):
            self._file.close()

    def _rewrite(self, lines: Sequence[Mapping[str, Any]]) -> None:
        with whole_file(self._path) as partial:
            partial.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")


class TensorBoard:
    """Events for TensorBoard; those past `step`, from before the run was resumed, are hidden there.

    They are written at once, and not by a thread as the library's own writer does: its errors come late, and as
    tracebacks.

    Args:
        folder: Each run, and each that goes on, has a file of its own in it.
        step: Steps that are done.

    Raises:
        OutputError: An event cannot be written.
    """

    def __init__(self, folder: Path, *, step: int) -> None:
        self._events: Any = importlib.import_module("tensorboard.compat.proto.event_pb2")
        self._summaries: Any = importlib.import_module("tensorboard.compat.proto.summary_pb2")
        records: Any = importlib.import_module("tensorboard.summary.writer.record_writer")
        self._path = folder / f"events.out.tfevents.{time.time():.6f}.onestep"
        with _told_if_unwritten(self._path):
            folder.mkdir(parents=True, exist_ok=True)
            self._file: Any = records.RecordWriter(self._path.open("wb"))
        self._add(file_version="brain.Event:2")
        self._add(step=step + 1, session_log=self._events.SessionLog(status=self._events.SessionLog.START))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add each value as a scalar."""
        scalars = [self._summaries.Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._add(step=step, summary=self._summaries.Summary(value=scalars))

    def close(self) -> None:
        """Close the file."""
        with _told_if_unwritten(self._path):
            self._file.close()

    def _add(self, **content: Any) -> None:
        event = self._events.Event(wall_time=time.time(), **content)
        with _told_if_unwritten(self._path):
            self._file.write(event.SerializeToString())
            self._file.flush()


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


@contextmanager
def _told_if_unwritten(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise OutputError(f"Writing the log {path} failed: {err}. Make room, then --resume the run.") from err


def _lines(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a log; what a kill or a lost power left of one is left out."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text("utf-8", errors="replace").rpartition("\n")
    return [line for text in whole.splitlines() if (line := _line(text)) is not None]


def _line(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and isinstance(line.get("step"), int) else None
