"""One run of the table: floors, then every row's opening and first call, then rounds in which the rows take turns."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median

from bench.clock import CallTime
from bench.device_memory import check_device_room, device_free_bytes, give_back_device
from bench.floors import Floors
from bench.memory import check_room
from bench.peaks import Peaks
from bench.rates import Probe
from bench.reasons import reason_from
from bench.row import RowResult, RowSpec, reference_of, result_of
from bench.running import Running
from bench.schedule import (
    LEAST_REPEATS,
    PLANNED_REPEATS,
    REFERENCE_SHARE,
    interleaved,
    set_ups_within,
    shares,
    steps_within,
    turns_within,
)
from bench.workload import Workload
from onestep.errors import BackendError, OnestepError
from onestep.heap import give_back

USUAL_UTILISATION = 0.5
"""Of the matrix rate, to predict how long a row that never ran will take."""
_PLANNED_CALLS = 1 + PLANNED_REPEATS
"""The first call, and the repeats."""
_SLOW_CALL_SECONDS = 1.0
_SHORT_CALL_SECONDS = 0.05
"""Below it, waking a row's threads is a large part of a call that stands alone."""
_OVERTIME = 0.1
"""Share of the budget by which repeats may exceed it to be `LEAST_REPEATS`; after that one is enough."""

Tell = Callable[[str, int, int], None]
"""Called with what is being done, how many turns are done and how many there are."""
Pair = tuple[RowSpec, RowResult]


class TableRun:
    """Measures rows on a workload.

    Args:
        workload: What the rows work on.
        probe: Samples the device's rates between the turns.
        floors: Of the device's rates, measured before the rows.
        end_seconds: When the run should be over.
        tell: Called as the run goes on.
        now: The clock, in seconds, that `end_seconds` is on.
    """

    def __init__(
        self,
        workload: Workload,
        probe: Probe,
        floors: Floors,
        *,
        end_seconds: float,
        tell: Tell,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workload, self._probe, self._floors = workload, probe, floors
        self._end, self._tell, self._now = end_seconds, tell, now
        self._running: dict[str, Running] = {}
        self._slowness: list[float] = []
        self._reference: RowResult | None = None
        self.interrupted = False

    def measure(self, specs: Sequence[RowSpec]) -> list[RowResult]:
        """Open the rows, measure them, close them. Ctrl-C ends the rounds early and keeps what was measured."""
        results = [self._described(spec) for spec in specs]
        try:
            pairs = self._in_order([pair for pair in zip(specs, results, strict=True) if self._is_usable(*pair)])
            for place, (spec, result) in enumerate(pairs):
                self._tell(f"opening {spec.name}", place, len(pairs))
                self._open(spec, result, pairs[place:])
            self._take_turns(results)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            for running in self._running.values():
                running.summarise(self._workload.settings.batch)
                running.row.close()
        for result in results:
            if self.interrupted and result.timing is None:
                result.reason = result.reason or "the run was interrupted before its first turn"
        return results

    def _described(self, spec: RowSpec) -> RowResult:
        flops, precision = spec.flops(self._workload), spec.precision or self._workload.settings.precision
        floor_ms = self._floors.floor_ms(spec, self._workload, flops=flops)
        return result_of(spec, flops=flops, floor_ms=floor_ms, precision=precision)

    def _is_usable(self, spec: RowSpec, result: RowResult) -> bool:
        """Return whether a row can run here at all; if not, that is its reason."""
        with _reason_of(result):
            spec.check(self._workload)
        return result.reason is None

    def _in_order(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Put the row that all others are compared with first, and those with a long set-up last."""
        self._reference = reference_of((result for _, result in pairs), self._workload.settings.precision)
        return sorted(pairs, key=lambda p: (p[1] is not self._reference, p[0].set_up_seconds(self._workload)))

    def _planned_steps(self, spec: RowSpec, waiting: Sequence[Pair]) -> int:
        """Decide before a row runs whether it is too slow to run all of its steps in its share of the time left."""
        seconds = {result.name: self._predicted_seconds(result) for _, result in waiting}
        set_ups = [each.set_up_seconds(self._workload) for each, _ in waiting]
        unused = self._left_seconds - set_ups_within(self._left_seconds, set_ups)
        left = (1 - REFERENCE_SHARE) * unused - self._promised_seconds(PLANNED_REPEATS)
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
        return batch * result.floor_ms / 1e3 / USUAL_UTILISATION * median([1.0, *self._slowness])

    @property
    def _left_seconds(self) -> float:
        """Time until the run should be over; negative after that."""
        return self._end - self._now()

    def _promised_seconds(self, repeats: int) -> float:
        """Return what so many calls of each row that is open will take."""
        return repeats * sum(running.call_seconds for running in self._running.values())

    def _open(self, spec: RowSpec, result: RowResult, waiting: Sequence[Pair]) -> None:
        """Open a row and make its first calls; what goes wrong is the row's reason."""
        with _reason_of(result):
            if result is not self._reference:
                self._check_time(spec)
            self._check_room(spec.own_bytes(self._workload))
            steps = self._planned_steps(spec, waiting)
            spec.prepare(self._workload)
            self._running[spec.name] = self._opened(spec, result, steps)

    def _check_time(self, spec: RowSpec) -> None:
        """Raise BackendError if a row's set-up would leave too little time for all that are open."""
        left, needed = self._left_seconds, spec.set_up_seconds(self._workload)
        if needed and needed > left - self._promised_seconds(LEAST_REPEATS):
            raise BackendError(
                f"its set-up takes about {needed:.0f} s, and {max(left, 0):.0f} s of the budget are left; raise "
                f"--budget {self._workload.settings.budget_seconds:.0f}, choose fewer --rows, or run it again with "
                "the same --work DIR, which keeps what was set up"
            )

    def _check_room(self, needed_bytes: int) -> None:
        give_back()
        check_room(needed_bytes, limit_bytes=self._workload.settings.memory_limit_bytes)
        if self._workload.settings.device == "cuda":
            give_back_device()
            check_device_room(needed_bytes, free_bytes=device_free_bytes())

    def _opened(self, spec: RowSpec, result: RowResult, steps: int) -> Running:
        peaks, start = Peaks(self._workload.settings.device), time.monotonic()
        row = spec.open(self._workload, steps)
        result.opening_seconds, result.steps_timed = time.monotonic() - start, steps
        result.graph_sha256 = row.graph_sha256
        running = Running(spec, result, row)
        try:
            self._call_first(running)
            result.peak_host_bytes = peaks.host_bytes(row.shared_bytes)
            result.peak_device_bytes = peaks.device_bytes(row.shared_bytes)
            self._warm_up(running)
            _start_cold(running)
        except BaseException:
            row.close()
            raise
        return running

    def _call_first(self, running: Running) -> None:
        first = self._call(running)
        running.result.first_call_ms, running.call_seconds = first.host_ms, first.host_ms / 1e3
        self._check_claim(running)

    def _warm_up(self, running: Running) -> None:
        """Make the calls that are not counted, and learn from the last how far its prediction was off."""
        if running.call_seconds < _SLOW_CALL_SECONDS or running.spec.steps == 1:
            for _ in range(self._workload.settings.warmup):
                running.call_seconds = self._call(running).host_ms / 1e3
        predicted = self._predicted_seconds(running.result) / median([1.0, *self._slowness])
        if predicted:
            self._slowness.append(running.call_seconds * running.scale / predicted)

    def _call(self, running: Running) -> CallTime:
        with running.row.stages.attached():
            return self._workload.clock.time(running.row.call)

    def _check_claim(self, running: Running) -> None:
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

    def _take_turn(self, running: Running) -> None:
        """Time one call; before a short one, make another that is not timed, for video calls them one after another."""
        if running.call_seconds < _SHORT_CALL_SECONDS:
            self._call(running)
        start, timed = time.monotonic(), self._call(running)
        running.add(timed, began=start, ended=time.monotonic())


def _calls(seconds: dict[str, float]) -> dict[str, float]:
    return {name: _PLANNED_CALLS * each for name, each in seconds.items()}


def _start_cold(running: Running) -> None:
    """Measure a row's cold start, if it has one; a row that fails there is measured all the same, and says so."""
    if running.row.measure_cold_start is None:
        return
    try:
        running.result.cold_start = running.row.measure_cold_start()
    except OnestepError as err:
        running.result.marks.append(str(err))


@contextmanager
def _reason_of(result: RowResult) -> Iterator[None]:
    """Make whatever goes wrong in a block the reason why a row was not measured."""
    try:
        yield
    except Exception as err:  # of any library; the table says which row could not run, and why
        result.reason = reason_from(err)
