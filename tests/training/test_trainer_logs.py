"""Logs of a run: what a resumed run keeps, and what a full disk does."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onestep.errors import MissingExtraError, OutputError
from onestep.training.trainer.logs import JsonLines, TensorBoard, WeightsAndBiases
from onestep.training.trainer.watch import Watcher
from tests.training.test_trainer_parts import no_file_above


def test_the_log_of_a_resumed_run_goes_on_after_the_state(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = JsonLines(path, step=0)
    for step in (1, 2, 3):
        log.write(step, {"loss": step / 2})
    log.close()
    path.write_text(path.read_text("utf-8") + '{"step": 4, "lo', "utf-8")
    log = JsonLines(path, step=2)
    log.write(3, {"loss": 9.0})
    log.close()
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3] and lines[-1]["loss"] == 9.0


def test_a_full_disk_leaves_the_log_of_a_resumed_run_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f'{{"step": {step}, "loss": 0.5}}\n' for step in range(1, 200)), "utf-8")
    before = path.read_bytes()
    with no_file_above(1000), pytest.raises(OutputError, match="Writing the log .* failed.*--resume"):
        JsonLines(path, step=150)
    assert path.read_bytes() == before
    JsonLines(path, step=150).close()
    assert len(path.read_text("utf-8").splitlines()) == 150


def test_damaged_lines_of_a_log_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    damaged = [b'{"step": 2, "lo', b"\0\0\0", b"\xff", b"[3]", b'{"loss": 1}']
    path.write_bytes(b"\n".join([b'{"step": 1}', *damaged, b'{"step": 4}', b""]))
    JsonLines(path, step=5).close()
    assert [json.loads(line)["step"] for line in path.read_text("utf-8").splitlines()] == [1, 4]


def test_tensorboard_on_a_full_disk_is_said(tmp_path: Path) -> None:
    log = TensorBoard(tmp_path / "tensorboard", step=0)
    log.write(1, {"loss": 0.5})
    with no_file_above(2000), pytest.raises(OutputError, match="Writing the log .*tensorboard.* failed.*--resume"):
        log.write(2, {f"loss_{number}": 1.0 for number in range(500)})
    log.close()
    assert scalars(tmp_path / "tensorboard", "loss") == [(1, 0.5)]


def test_tensorboard_in_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").touch()
    with pytest.raises(OutputError, match="Writing the log .*tensorboard.* failed"):
        TensorBoard(tmp_path / "tensorboard", step=0)


def scalars(folder: Path, name: str) -> list[tuple[int, float]]:
    """Steps and values, as TensorBoard shows them."""
    reading = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    events = reading.EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_tensorboard_events(tmp_path: Path) -> None:
    log = TensorBoard(tmp_path, step=0)
    log.write(3, {"cycle_l1": 0.25})
    log.close()
    assert scalars(tmp_path, "cycle_l1") == [(3, 0.25)]


@pytest.mark.parametrize("resumed", [0, 1])
def test_events_from_after_the_state_are_hidden(tmp_path: Path, resumed: int) -> None:
    for begun, value in ((0, 0.5), (resumed, 0.25)):
        log = TensorBoard(tmp_path, step=begun)
        for step in range(begun + 1, 4):
            log.write(step, {"loss": value})
        log.close()
    before = [(step, 0.5) for step in range(1, resumed + 1)]
    assert scalars(tmp_path, "loss") == before + [(step, 0.25) for step in range(resumed + 1, 4)]


def test_all_logs_are_closed_and_what_fails_is_said() -> None:
    closed: list[str] = []
    said: list[str] = []

    class Full:
        def close(self) -> None:
            raise OutputError("Writing the log failed.")

    last = SimpleNamespace(close=lambda: closed.append("log"))
    display = SimpleNamespace(say=said.append, close=lambda: closed.append("display"))
    watcher: Any = SimpleNamespace(logs=[Full(), last], display=display)
    Watcher.close(watcher)
    assert closed == ["display", "log"] and said == ["Warning: Writing the log failed."]


def test_wandb_is_used_only_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match="wandb is needed to log to the project 'roads'.*pip install wandb"):
        WeightsAndBiases("roads", tmp_path)
    calls: list[Any] = []
    run = SimpleNamespace(log=lambda values, step: calls.append((step, values)), finish=lambda: calls.append("end"))

    def init(**options: Any) -> Any:
        calls.append(options["project"])
        return run

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    log = WeightsAndBiases("roads", tmp_path)
    log.write(3, {"loss": 1.0})
    log.close()
    assert calls == ["roads", (3, {"loss": 1.0}), "end"]
