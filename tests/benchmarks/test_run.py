"""One run with rows made for the test: turns, partial steps, false claims, rows that cannot run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from bench.clock import CallTime, Clock
from bench.floors import Floors
from bench.memory import check_room
from bench.rates import Probe, Rates
from bench.row import OpenRow, RowResult, RowSpec
from bench.run import TableRun, Tell
from bench.settings import Settings
from bench.stages import UNET, Stages
from bench.workload import Frame, Workload, check_device, open_workload
from torch import nn

from onestep.errors import BackendError, SettingError, UnknownNameError
from onestep.frame_size import FrameSize

RATES = Rates(100e9, 10e9)
NETWORK_SECONDS = 0.001


@dataclass
class DrivenClock(Clock):
    """A processor's clock that stands still but where the rows' network moves it."""

    seconds: float = 0.0

    def __post_init__(self) -> None:
        super().__init__("cpu")

    def pass_by(self, seconds: float) -> None:
        """Move on."""
        self.seconds += seconds

    def mark(self) -> float:
        return self.seconds

    def time(self, call: Callable[[], object]) -> CallTime:
        start = self.seconds
        call()
        return CallTime(self.milliseconds(start, self.seconds), None)


def row(
    name: str = "row",
    *,
    steps: int = 1,
    calls: Callable[[int], int] = lambda steps: steps,
    fails: Exception | None = None,
    needs: int = 0,
    flops: int = 0,
) -> RowSpec:
    """Return a row whose network takes a millisecond of a driven clock, and is called `calls(steps)` times a frame."""

    def open_row(workload: Workload, count: int) -> OpenRow:
        clock, network = workload.clock, nn.Identity()
        assert isinstance(clock, DrivenClock)
        network.register_forward_hook(lambda *_: clock.pass_by(NETWORK_SECONDS))
        stages = Stages(clock)
        stages.watch(UNET, network)

        def call() -> list[Frame]:
            if fails is not None:
                raise fails
            for _ in range(calls(count)):
                network(torch.zeros(1))
            return workload.frames

        return OpenRow(call, stages)

    return RowSpec(
        name=name,
        family="test",
        label=name,
        steps=steps,
        open=open_row,
        own_bytes=lambda workload: needs,
        flops=lambda workload: flops,
        weight_bytes=lambda workload: 0,
    )


def measured(workload: Workload, *specs: RowSpec, seconds: float = 1.0) -> list[RowResult]:
    """Run the rows with a second to spend, and all the time in the world to spend it in."""
    return table_run(workload, seconds=seconds).measure(specs)


def table_run(workload: Workload, *, seconds: float, tell: Tell = lambda *_: None) -> TableRun:
    """Return a run that stays `seconds` before its end and times its rows by a driven clock: no machine is too busy."""
    workload = replace(workload)
    vars(workload)["clock"] = DrivenClock()
    probe = Probe(device="cpu", dtype=torch.float32)
    return TableRun(workload, probe, Floors(RATES), end_seconds=seconds, tell=tell, now=lambda: 0.0)


def test_rows_are_measured_with_their_stages(workload: Workload) -> None:
    first, second = measured(workload, row("first"), row("second", steps=5))
    assert first.timing is not None and second.timing is not None
    assert (first.timing.count, second.steps_timed, first.reason) == (2, 5, None)
    assert first.marks == ["few repeats (2)"]
    assert first.timing.samples_ms == pytest.approx([1.0, 1.0])
    assert second.timing.samples_ms == pytest.approx([5.0, 5.0])
    assert first.stages_ms == pytest.approx({UNET: 1.0})
    assert second.stages_ms == pytest.approx({UNET: 5.0})


def test_a_row_that_is_too_slow_runs_some_steps_and_says_so(workload: Workload) -> None:
    (slow,) = measured(workload, row(steps=100, flops=int(RATES.matrix_flops_per_second)), seconds=3.0)
    assert slow.steps_timed == 12  # 8 calls of 2 s are predicted, 2 s are there beside the reference's
    assert slow.marks[0] == "per step x steps (12 of 100 steps timed)"
    assert slow.timing is not None and slow.timing.median_ms == pytest.approx(100.0)


@pytest.mark.parametrize(("steps", "calls_a_turn"), [(1, 2), (100, 1)])
def test_before_a_short_call_there_is_one_that_is_not_timed(workload: Workload, steps: int, calls_a_turn: int) -> None:
    """A call of 1 ms is short, one of 100 ms is not."""
    calls: list[int] = []

    def count(steps: int) -> int:
        calls.append(steps)
        return steps

    (result,) = measured(workload, row(steps=steps, calls=count))
    assert result.timing is not None
    before = 1 + (workload.settings.warmup if steps == 1 else 0)
    assert len(calls) == before + calls_a_turn * result.timing.count


def test_a_false_claim_is_the_rows_reason(workload: Workload) -> None:
    (liar,) = measured(workload, row(steps=5, calls=lambda steps: steps - 1))
    assert liar.timing is None
    assert liar.reason == "it called the UNet 4 times on 4 samples, and claims 5 times on 5"


def test_a_row_that_fails_says_why_and_the_others_go_on(workload: Workload) -> None:
    failed, other, ran = measured(
        workload, row("a", fails=RuntimeError("no kernel\nmore")), row("b", fails=BackendError("no GPU")), row("c")
    )
    assert (failed.reason, other.reason) == ("RuntimeError: no kernel", "no GPU")
    assert ran.timing is not None


def test_a_row_that_needs_too_much_memory_is_not_opened(workload: Workload) -> None:
    (large,) = measured(workload, row(needs=10**15))
    assert large.reason is not None
    assert large.reason.startswith("not enough memory: it needs about 1000000.0 GB and ")


def test_a_memory_limit_of_the_user_counts() -> None:
    with pytest.raises(BackendError, match=r"not enough memory: it needs about 0\.0 GB and 0\.0 GB may be used"):
        check_room(1, limit_bytes=1)


def test_a_row_whose_set_up_is_too_long_is_skipped(workload: Workload) -> None:
    (slow,) = measured(workload, replace(row(), set_up_seconds=lambda workload: 60.0))
    assert slow.reason is not None
    assert slow.reason.startswith("its set-up takes about 60 s, and 1 s of the budget are left; raise --budget")


def test_a_row_that_cannot_run_at_all_says_that_and_not_that_time_is_short(workload: Workload) -> None:
    def refuse(workload: Workload) -> None:
        raise BackendError("no GPU")

    (refused,) = measured(workload, replace(row(), check=refuse, set_up_seconds=lambda workload: 60.0))
    assert refused.reason == "no GPU"


@pytest.mark.parametrize(("budget", "count"), [(1000.0, 5), (0.001, 1)])
def test_a_row_is_measured_five_times_unless_time_is_long_over(workload: Workload, budget: float, count: int) -> None:
    """A tenth of the budget is what the repeats may take beyond its end."""
    settings = replace(workload.settings, repeats=30, budget_seconds=budget)
    (late,) = measured(replace(workload, settings=settings), row(), seconds=-1.0)
    assert late.timing is not None and late.timing.count == count


def test_interruption_keeps_what_was_measured(workload: Workload) -> None:
    turns = iter(range(100))

    def tell(doing: str, done: int, total: int) -> None:
        if doing.startswith("measuring") and next(turns) == 2:
            raise KeyboardInterrupt

    run = table_run(workload, seconds=1, tell=tell)
    first, second = run.measure([row("first"), row("second")])
    assert run.interrupted
    assert [result.timing.count for result in (first, second) if result.timing] == [1, 1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"device": "tpu"}, r"Unknown device 'tpu'\..* Known: cpu, cuda\."),
        ({"precision": "fp8"}, "Unknown precision 'fp8'"),
        ({"strength": 0.0}, r"A strength of 0\.0 is no share"),
        ({"repeats": 0}, "--repeats 0 is too few; expected 1 or more"),
        ({"steps": 1}, "--steps 1 is too few"),
        ({"budget_seconds": 0.0}, "--budget 0 is no time to measure in; expected seconds, more than 0"),
        ({"budget_seconds": float("nan")}, "--budget nan is no time"),
        ({"memory_limit_bytes": float("nan")}, "--memory-limit nan is no limit; expected gigabytes, more than 0"),
        ({"memory_limit_bytes": -1e9}, "--memory-limit -1 is no limit"),
    ],
)
def test_bad_settings(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Settings(**wrong)


def test_bad_base_and_size(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"The base tiny takes sizes in multiples of 32 pixels, and 100x64 is not\."):
        open_workload(Settings(random_weights=True, size=FrameSize(100, 64)), tmp_path)
    with pytest.raises(UnknownNameError, match=r"Unknown base 'nope'\. Known: tiny, sd-turbo"):
        open_workload(Settings(base="nope", random_weights=True), tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(BackendError, match=r"--device cuda was asked for, and PyTorch .* finds no NVIDIA GPU here"):
        check_device("cuda")
