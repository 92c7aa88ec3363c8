"""The small parts of the trainer, each against what it should compute."""

import json
import math
import re
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from onestep.errors import CheckpointError, MissingExtraError, OutputError, SettingError, TrainingError
from onestep.training.trainer.activations import KeptBytes, kept_bytes
from onestep.training.trainer.alarms import Change, change, worse_than_at_first
from onestep.training.trainer.chance import StepChance, seed_step
from onestep.training.trainer.ema import MovingAverage
from onestep.training.trainer.history import COPY, History
from onestep.training.trainer.interrupt import noticed_interrupts
from onestep.training.trainer.memory_plan import GIB, MemoryPlan
from onestep.training.trainer.optimiser import make_optimiser
from onestep.training.trainer.run_folder import RunFolder
from onestep.training.trainer.sample_grid import write_grid
from onestep.training.trainer.schedule import rate_share
from onestep.training.trainer.settings import Kind, OptimiserSettings
from onestep.training.trainer.settings_file import default_settings, values_of
from onestep.training.trainer.state_file import read_state, saved_steps, state_path, write_state


@contextmanager
def no_file_above(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow above a size: what a full disk looks like."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


# State on disk


def test_the_last_two_states_are_kept(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    for step in (5, 10, 200):
        write_state({"weights": {"w": torch.full((3,), float(step))}}, tmp_path, step=step)
    assert saved_steps(tmp_path) == [10, 200]
    state = read_state(tmp_path)
    assert state is not None and state["step"] == 200 and torch.equal(state["weights"]["w"], torch.full((3,), 200.0))


def test_a_full_disk_leaves_the_states_before(tmp_path: Path) -> None:
    write_state({"weights": torch.zeros(1)}, tmp_path, step=1)
    with no_file_above(100_000), pytest.raises(OutputError, match="Saving step 2 .*The state after step 1 is whole"):
        write_state({"weights": torch.zeros(1_000_000)}, tmp_path, step=2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.pt"]
    assert read_state(tmp_path) is not None


def test_a_state_that_runs_code_is_never_read(tmp_path: Path) -> None:
    torch.save({"format": "onestep-training-state", "version": 1, "path": Path()}, state_path(tmp_path, 3))
    with pytest.raises(CheckpointError, match="is damaged"):
        read_state(tmp_path)


def test_a_foreign_state_is_refused(tmp_path: Path) -> None:
    torch.save({"format": "other", "version": 1}, state_path(tmp_path, 3))
    with pytest.raises(CheckpointError, match="is no training state of this version"):
        read_state(tmp_path)


def test_a_run_begins_only_where_nothing_lies(tmp_path: Path) -> None:
    RunFolder(tmp_path / "new").begin()
    (tmp_path / "new" / "settings.toml").touch()
    with pytest.raises(OutputError, match="holds another run. Go on with it with --resume"):
        RunFolder(tmp_path / "new").check_free()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    with pytest.raises(OutputError, match="is not empty and holds no run"):
        RunFolder(tmp_path / "other").begin()
    with pytest.raises(OutputError, match="is a file, and a run is a folder"):
        RunFolder(tmp_path / "other" / "mine.txt").begin()


# Functions of the step


def test_learning_rates() -> None:
    warm = OptimiserSettings(max_steps=14, warmup_steps=4, rate_schedule="linear")
    assert [rate_share(step, warm) for step in (0, 3, 4, 9, 13)] == pytest.approx([0.25, 1.0, 1.0, 0.5, 0.1])
    cosine = OptimiserSettings(max_steps=10, rate_schedule="cosine")
    assert [rate_share(step, cosine) for step in (0, 5)] == pytest.approx([1.0, 0.5])
    assert rate_share(9, cosine) == pytest.approx((1 + math.cos(0.9 * math.pi)) / 2)
    assert {rate_share(step, OptimiserSettings(max_steps=5)) for step in range(9)} == {1.0}


def test_chance_depends_on_the_place_in_the_global_batch() -> None:
    whole = StepChance(seed=1, step=5, first=0, count=4)("real a")
    assert whole.shape == (4, 7) and whole.dtype == torch.float32 and whole.min() >= 0 and whole.max() < 1
    halves = [StepChance(seed=1, step=5, first=first, count=2)("real a") for first in (0, 2)]
    assert torch.equal(torch.cat(halves), whole)
    others = [StepChance(1, 5, 0, 4)("fake a"), StepChance(1, 6, 0, 4)("real a"), StepChance(2, 5, 0, 4)("real a")]
    assert all(not torch.equal(whole, other) for other in others)
    assert len({tuple(row) for row in whole.tolist()}) == 4


def test_seeds_of_steps() -> None:
    def drawn(*place: int) -> float:
        seed_step(*place)
        return float(torch.rand(1))

    assert drawn(1, 2, 0) == drawn(1, 2, 0)
    assert len({drawn(*place) for place in ((1, 2, 0), (1, 3, 0), (2, 2, 0), (1, 2, 1))}) == 4


def test_the_average_follows_and_steps_in() -> None:
    parameter = nn.Parameter(torch.zeros(2))
    average = MovingAverage({"w": parameter}, decay=0.5)
    expected = torch.zeros(2)
    for step in range(6):
        with torch.no_grad():
            parameter.fill_(float(step + 1))
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * parameter.detach()
    torch.testing.assert_close(average.values["w"], expected)
    with average.applied():
        torch.testing.assert_close(parameter.detach(), expected)
    assert torch.equal(parameter.detach(), torch.full((2,), 6.0))
    torch.testing.assert_close(average.values["w"], expected)


def test_without_decay_the_average_is_the_parameter() -> None:
    parameter = nn.Parameter(torch.tensor([0.1, 0.7]))
    average = MovingAverage({"w": parameter}, decay=0.0)
    with torch.no_grad():
        parameter.copy_(torch.tensor([1 / 3, 1e9]))
    average.update(0)
    assert torch.equal(average.values["w"], parameter.detach())


# Memory


def test_kept_bytes_of_known_layers() -> None:
    first, second = nn.Linear(10, 20), nn.Linear(20, 5)
    x = torch.zeros(8, 10)

    def run() -> Tensor:
        result: Tensor = second(torch.sigmoid(first(x)))
        return result

    weights = [*first.parameters(), *second.parameters()]
    assert kept_bytes(run, weights=weights) == KeptBytes(4 * 8 * (10 + 20), 4 * 8 * (10 + 20))
    inside = nn.Sequential(first, nn.Sigmoid(), second)
    expected = KeptBytes(4 * 8 * (10 + 20), 4 * 8 * 10 + 4 * 8 * (10 + 20))
    assert kept_bytes(lambda: inside(x), weights=weights, blocks=[inside]) == expected


def plan(**values: Any) -> MemoryPlan:
    """2 GiB fixed, 1 GiB per picture, 0.25 with recomputation."""
    table: dict[str, Any] = {
        "weights": GIB,
        "gradients": GIB // 4,
        "optimiser": GIB // 2,
        "average": GIB // 4,
        "per_picture": KeptBytes(GIB, GIB / 4),
        "batch_size": 4,
        "checkpoint_activations": False,
        "free": 8 * GIB,
    }
    return MemoryPlan(**table | values)


def test_a_plan_that_fits_says_its_parts() -> None:
    plan().check()
    assert "weights 1.00, gradients 0.25, optimiser 0.50, moving average 0.25, activations of 4 4.00" in plan().text()
    assert "together about 6.00 of 8.00 GiB" in plan().text()
    assert plan(checkpoint_activations=True).total() == 3 * GIB


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"free": 4.5 * GIB}, "a batch_size of 2 per process, or checkpoint_activations with a batch_size of 4"),
        ({"free": 2.6 * GIB}, "What would fit: checkpoint_activations with a batch_size of 2 per process."),
        ({"free": 2.1 * GIB}, "checkpoint_activations with one picture of at most 40% of the pixels"),
        ({"free": 1.9 * GIB}, "The networks alone take 2.00 GiB: choose a lower unet_rank"),
        ({"free": 2.6 * GIB, "checkpoint_activations": True}, "checkpoint_activations with a batch_size of 2"),
    ],
)
def test_a_plan_that_does_not_fit_says_what_would(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=f"That does not fit. .*{message}"):
        plan(**values).check()


# What is looked at


def pictures(*levels: int) -> list[Any]:
    """Grey pictures with a bright corner."""
    made = [np.full((64, 64, 3), level, np.uint8) for level in levels]
    for number, picture in enumerate(made):
        picture[: 8 * (number + 1)] = 255 - picture[: 8 * (number + 1)]
    return made


def test_copying_and_collapse_are_said() -> None:
    inputs, others = pictures(200, 210, 220), pictures(20, 30, 40)
    copied = [np.clip(picture.astype(int) + 2, 0, 255).astype(np.uint8) for picture in inputs]
    (alarm,) = change(inputs, copied, others).alarms("a2b")
    assert alarm.startswith("a2b: the model copies its input. An output differs from its input by 2.0 levels")
    (alarm,) = change(inputs, [others[0]] * 3, others).alarms("a2b")
    assert "a2b: the model has collapsed. Outputs of different inputs differ by 0.0 levels" in alarm
    assert change(inputs, others, others).alarms("a2b") == []
    measured = change(inputs, others, others)
    assert measured.moved == pytest.approx(
        np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(inputs, others, strict=True)])
    )
    assert Change(moved=0.9, domains_apart=10.0, outputs_apart=9.0, inputs_apart=9.0).alarms("x")
    assert not Change(moved=1.1, domains_apart=10.0, outputs_apart=9.0, inputs_apart=9.0).alarms("x")


def test_the_advice_against_copying_names_options_of_that_kind_of_run() -> None:
    copying = Change(moved=0.0, domains_apart=10.0, outputs_apart=9.0, inputs_apart=9.0)
    kinds: tuple[tuple[str, Kind], ...] = (("a2b", "unpaired"), ("b2a", "unpaired"), ("paired", "paired"))
    for direction, kind in kinds:
        (alarm,) = copying.alarms(direction)
        named = set(re.findall(r"\w+_weight", alarm))
        assert len(named) == 3 and named <= set(values_of(default_settings(kind)))


def test_sides_are_compared_by_pictures_from_all_over_them() -> None:
    inputs = [np.full((64, 64, 3), 100 + number % 2, np.uint8) for number in range(64)]
    others = [inputs[0], *(np.full((64, 64, 3), 200, np.uint8) for _ in range(63))]
    measured = change(inputs, inputs, others)
    assert measured.domains_apart == pytest.approx(98, abs=5) and measured.moved == 0.0
    assert 0.25 < measured.inputs_apart < 0.75
    assert change(inputs, inputs, others) == measured


def test_worse_than_at_first_is_said() -> None:
    assert worse_than_at_first("kid", first=1.0, best=0.5, now=0.9) is None
    text = worse_than_at_first("kid", first=1.0, best=0.5, now=1.2)
    assert text is not None and "kid 1.2, at first 1, at best 0.5" in text and "best.safetensors holds the best" in text
    text = worse_than_at_first("kid", first=1.0, best=1.0, now=1.2)
    assert text is not None and "it was never better: best.safetensors is step 0" in text


def test_the_table_always_shows_the_copy_and_step_0(tmp_path: Path) -> None:
    history = History("kid", {"kid": 0.7}, {0: {"kid": 0.8}, 5: {"kid": 0.2}, 10: {"kid": 0.5}})
    assert list(history.shown()) == [COPY, "step 0", "step 5 (best)", "step 10"]
    assert history.best_step == 5 and history.warning() is None
    history.rows[15] = {"kid": 0.9}
    assert "kid 0.9, at first 0.8, at best 0.2" in str(history.warning())
    history.write(tmp_path / "validation.json")
    content = json.loads((tmp_path / "validation.json").read_text("utf-8"))
    assert content["best_step"] == 5 and content[COPY] == {"kid": 0.7} and content["steps"]["10"] == {"kid": 0.5}
    other = History("kid")
    other.restore(history.captured())
    assert other == history


def test_a_grid_has_every_picture_in_its_place(tmp_path: Path) -> None:
    rows = [[np.full((20, 30, 3), 40 * row + 10 * column, np.uint8) for column in range(3)] for row in range(2)]
    write_grid(tmp_path / "grid.png", ("one", "two", "three"), rows)
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (16 + 2 * 20 + 2, 3 * 30 + 2 * 2, 3)
    assert [int(grid[16 + 22 * row + 10, 32 * column + 15, 0]) for row in range(2) for column in range(3)] == [
        *(0, 10, 20),
        *(40, 50, 60),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]


def test_a_grid_on_a_full_disk(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    with no_file_above(1000), pytest.raises(OutputError, match="Writing the samples .* failed"):
        write_grid(tmp_path / "grid.png", ("one",), [[noise]])
    assert not list(tmp_path.iterdir())


def test_8_bit_moments_need_a_gpu_and_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = OptimiserSettings(eight_bit=True, weight_decay=0.3)
    weights = [nn.Parameter(torch.zeros(1))]
    with pytest.raises(SettingError, match="eight_bit needs an NVIDIA GPU, and this run is on cpu"):
        make_optimiser(weights, [], chosen, device=torch.device("cpu"))
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(MissingExtraError, match="bitsandbytes is needed to keep.*pip install bitsandbytes"):
        make_optimiser(weights, [], chosen, device=torch.device("cuda"))
    library = SimpleNamespace(optim=SimpleNamespace(AdamW8bit=torch.optim.NAdam))
    monkeypatch.setitem(sys.modules, "bitsandbytes", library)
    made = make_optimiser(weights, [], chosen, device=torch.device("cuda"))
    assert isinstance(made, torch.optim.NAdam) and made.param_groups[0]["weight_decay"] == 0.3


def test_the_first_signal_is_noted_and_the_second_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with noticed_interrupts() as interrupt:
        asked = [interrupt.asked]
        signal.raise_signal(signal.SIGINT)
        asked.append(interrupt.asked)
        assert asked == [False, True]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
