"""One run of the table: floors, then every row's opening and first call, then rounds in which the rows take turns."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import torch

from bench.clock import CallTime
from bench.memory import check_room, peak_bytes, resident_bytes, restart_peak
from bench.rates import Probe, Rates
from bench.row import OpenRow, RowResult, RowSpec, reference_of, result_of
from bench.schedule import (
    LEAST_REPEATS,
    PLANNED_REPEATS,
    REFERENCE_SHARE,
    interleaved,
    shares,
    steps_within,
    turns_within,
)
from bench.timing import FEW_SAMPLES, timing_from_samples
from bench.workload import Workload
from onestep.errors import BackendError, OnestepError

PARTIAL_MARK, FEW_MARK = "per step x steps", "few repeats"
_USUAL_UTILISATION = 0.5
"""Of the matrix rate, to predict how long a row that never ran will take."""
_PLANNED_CALLS = 1 + PLANNED_REPEATS
"""The first call, and the repeats."""
_SLOW_CALL_MS = 1000.0
_OVERTIME = 0.1
"""Share of the budget by which repeats may exceed it to be three; after that one is enough."""

Tell = Callable[[str, int, int], None]
"""Called with what is being done, how many turns are done and how many there are."""


@dataclass
class _Running:
    """A row that is open, and what was measured of it so far."""

    spec: RowSpec
    result: RowResult
    row: OpenRow
    call_seconds: float = 0.0
    """Of the last call before the turns."""
    host_ms: list[float] = field(default_factory=list)
    at_seconds: list[float] = field(default_factory=list)
    """When each of these calls began."""
    ended_seconds: list[float] = field(default_factory=list)
    """When each ended."""
    device_ms: list[float] = field(default_factory=list)
    stages_ms: list[dict[str, float]] = field(default_factory=list)

    @property
    def scale(self) -> float:
        """Whole steps over timed steps."""
        return self.spec.steps / self.result.steps_timed if self.result.steps_timed else 1.0


class TableRun:
    """Measures rows on a workload.

    Args:
        workload: What the rows work on.
        probe: Samples the device's rates between the turns.
        rates: The device's rates, measured before the rows.
        end_seconds: When the run should be over.
        tell: Called as the run goes on.
        now: The clock, in seconds, that `end_seconds` is on.
    """

    def __init__(
        self,
        workload: Workload,
        probe: Probe,
        rates: Rates,
        *,
        end_seconds: float,
        tell: Tell,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workload, self._probe, self._rates = workload, probe, rates
        self._end, self._tell, self._now = end_seconds, tell, now
        self._running: dict[str, _Running] = {}
        self._slowness: list[float] = []
        self.interrupted = False

    def measure(self, specs: Sequence[RowSpec]) -> list[RowResult]:
        """Open the rows, measure them, close them. Ctrl-C ends the rounds early and keeps what was measured."""
        results = [self._described(spec) for spec in specs]
        try:
            pairs = sorted(zip(specs, results, strict=True), key=lambda pair: pair[0].set_up_seconds)
            for place, (spec, result) in enumerate(pairs):
                self._tell(f"opening {spec.name}", place, len(pairs))
                steps = self._planned_steps(spec, [waiting for _, waiting in pairs[place:]])
                self._open(spec, result, steps)
            self._take_turns(results)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            for running in self._running.values():
                _summarise(running, self._workload.settings.batch)
                running.row.close()
        return results

    def _described(self, spec: RowSpec) -> RowResult:
        flops = spec.flops(self._workload)
        traffic = spec.weight_bytes(self._workload) * max(spec.steps, 1)
        return result_of(spec, flops=flops, floor_ms=self._rates.floor_ms(flops=flops, traffic_bytes=traffic))

    def _planned_steps(self, spec: RowSpec, waiting: Sequence[RowResult]) -> int:
        """Decide before a row runs whether it is too slow to run all of its steps in its share of the time left."""
        seconds = {result.name: self._predicted_seconds(result) for result in waiting}
        left = (1 - REFERENCE_SHARE) * self._left_seconds - self._promised_seconds
        given = shares(max(left, 1.0), _calls(seconds))
        return steps_within(
            given[spec.name],
            steps=spec.steps,
            call_seconds=seconds[spec.name],
            calls=_PLANNED_CALLS,
            most=self._workload.settings.steps,
        )

    def _predicted_seconds(self, result: RowResult) -> float:
        """Predict a whole call from its floor, and from how far the rows before were off such a prediction."""
        batch = self._workload.settings.batch
        return batch * result.floor_ms / 1e3 / _USUAL_UTILISATION * median([1.0, *self._slowness])

    @property
    def _left_seconds(self) -> float:
        """Time until the run should be over; negative after that."""
        return self._end - self._now()

    @property
    def _promised_seconds(self) -> float:
        """What the repeats of the rows that are open will take."""
        return PLANNED_REPEATS * sum(running.call_seconds for running in self._running.values())

    def _open(self, spec: RowSpec, result: RowResult, steps: int) -> None:
        """Open a row and make its first calls; what goes wrong is the row's reason."""
        try:
            spec.check(self._workload)
            self._check_time(spec)
            check_room(spec.own_bytes(self._workload), limit_bytes=self._workload.settings.memory_limit_bytes)
            spec.prepare(self._workload)
            self._running[spec.name] = self._opened(spec, result, steps)
        except OnestepError as err:
            result.reason = str(err)
        except Exception as err:  # of any library; the table says which row could not run, and why
            result.reason = f"{type(err).__name__}: {(str(err).strip().splitlines() or [''])[0]}"

    def _check_time(self, spec: RowSpec) -> None:
        """Raise BackendError if a row's set-up would leave too little time for all others."""
        left = self._left_seconds
        if spec.set_up_seconds > max(left, 0) / 2:
            raise BackendError(
                f"its set-up takes about {spec.set_up_seconds:.0f} s, and {max(left, 0):.0f} s of the budget are left; "
                f"raise --budget {self._workload.settings.budget_seconds:.0f}, or choose fewer --rows"
            )

    def _opened(self, spec: RowSpec, result: RowResult, steps: int) -> _Running:
        restart_peak()
        before, start = resident_bytes(), time.monotonic()
        row = spec.open(self._workload, steps)
        result.opening_seconds, result.cold_start = time.monotonic() - start, row.cold_start
        result.steps_timed = steps
        running = _Running(spec, result, row)
        try:
            self._call_first(running)
        except BaseException:
            row.close()
            raise
        result.peak_host_bytes = peak_bytes() - before + row.shared_bytes
        return running

    def _call_first(self, running: _Running) -> None:
        gpu = self._workload.settings.device == "cuda"
        if gpu:
            torch.cuda.reset_peak_memory_stats()
        first = self._call(running)
        running.result.first_call_ms, running.call_seconds = first.host_ms, first.host_ms / 1e3
        if gpu:
            running.result.peak_device_bytes = torch.cuda.max_memory_allocated()
        self._check_claim(running)
        if first.host_ms < _SLOW_CALL_MS or running.spec.steps == 1:
            for _ in range(self._workload.settings.warmup):
                running.call_seconds = self._call(running).host_ms / 1e3
        predicted = self._predicted_seconds(running.result) / median([1.0, *self._slowness])
        if predicted:
            self._slowness.append(running.call_seconds * running.scale / predicted)

    def _call(self, running: _Running) -> CallTime:
        with running.row.stages.attached():
            return self._workload.clock.time(running.row.call)

    def _check_claim(self, running: _Running) -> None:
        """Raise BackendError unless the row ran the UNet as often as the table will say."""
        if not running.row.counts_unet:
            return
        spec, stages, steps = running.spec, running.row.stages, running.result.steps_timed
        claimed = steps * spec.guidance * self._workload.settings.batch
        if (stages.unet_calls, stages.unet_evaluations) != (steps, claimed):
            raise BackendError(
                f"it called the UNet {stages.unet_calls} times on {stages.unet_evaluations} samples, and claims "
                f"{steps} times on {claimed}"
            )

    def _take_turns(self, results: Sequence[RowResult]) -> None:
        counts = self._turns(results)
        total = sum(counts.values())
        for turn, name in enumerate(interleaved(counts)):
            self._tell(f"measuring {name}", turn, total)
            self._take_turn(self._running[name])
            self._probe.sample_between()
            if self._over(counts):
                return  # the machine became slower than its first calls promised

    def _over(self, counts: Mapping[str, int]) -> bool:
        """Return whether time is up, and every row has what it must have."""
        late = -self._left_seconds
        least = LEAST_REPEATS if late < _OVERTIME * self._workload.settings.budget_seconds else 1
        return late > 0 and all(
            len(running.host_ms) >= min(least, counts[row]) for row, running in self._running.items()
        )

    def _turns(self, results: Sequence[RowResult]) -> dict[str, int]:
        """Divide the time that is left among the rows that are open, and give enough of it to what they are held to."""
        left, settings = max(self._left_seconds, 0.0), self._workload.settings
        seconds = {name: running.call_seconds for name, running in self._running.items()}
        reference = reference_of((result for result in results if result.name in seconds), settings.precision)
        return turns_within(left, seconds, reference=reference.name if reference else None, most=settings.repeats)

    def _take_turn(self, running: _Running) -> None:
        start, timed, end = time.monotonic(), self._call(running), time.monotonic()
        stages, result = running.row.stages, running.result
        missing_ms = stages.step_ms() * (running.spec.steps - result.steps_timed)
        running.host_ms.append(timed.host_ms + missing_ms)
        running.at_seconds.append(start)
        running.ended_seconds.append(end)
        if timed.device_ms is not None:
            running.device_ms.append(timed.device_ms + missing_ms)
        running.stages_ms.append(stages.milliseconds())


def _calls(seconds: dict[str, float]) -> dict[str, float]:
    return {name: _PLANNED_CALLS * each for name, each in seconds.items()}


def _summarise(running: _Running, batch: int) -> None:
    """Put the samples of an open row into its result, per frame."""
    result = running.result
    if not running.host_ms:
        result.reason = result.reason or "the run was interrupted before its first turn"
        return
    result.timing = timing_from_samples(
        [each / batch for each in running.host_ms],
        at_seconds=running.at_seconds,
        ended_seconds=running.ended_seconds,
    )
    if running.device_ms:
        result.device_timing = timing_from_samples([each / batch for each in running.device_ms])
    names = running.stages_ms[0]
    means = {name: sum(each[name] for each in running.stages_ms) / len(running.stages_ms) for name in names}
    once = ("encoder", "decoder", "adapter")
    result.stages_ms = {n: ms / batch * (1.0 if n in once else running.scale) for n, ms in means.items()}
    if result.steps_timed < result.steps:
        result.marks.append(f"{PARTIAL_MARK} ({result.steps_timed} of {result.steps} steps timed)")
    if result.timing.count < FEW_SAMPLES:
        result.marks.append(f"{FEW_MARK} ({result.timing.count})")
