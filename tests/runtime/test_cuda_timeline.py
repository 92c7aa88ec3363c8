"""When a GPU copied and computed: sums worked out by hand, and six marks per frame on a stand-in for CUDA."""

import gc
from collections.abc import Iterator

import pytest

from onestep.errors import BackendError
from onestep.runtime.cuda.timeline import FrameTimes, Interval, TimelineSummary, summarised
from tests.runtime.fake_cuda import FakeCudaRuntime, Status
from tests.runtime.test_cuda_frame_engine import engine_on


@pytest.fixture
def api() -> Iterator[FakeCudaRuntime]:
    """Give a CUDA of which nothing may be left after the test."""
    fake = FakeCudaRuntime()
    yield fake
    gc.collect()
    assert fake.left() == {}


def frame(copy_in: tuple[float, float], compute: tuple[float, float], copy_out: tuple[float, float]) -> FrameTimes:
    return FrameTimes(Interval(*copy_in), Interval(*compute), Interval(*copy_out))


def test_copies_beside_computation_are_hidden() -> None:
    frames = [frame((0, 1), (1, 11), (11, 12)), frame((2, 3), (11, 21), (21, 22)), frame((12, 13), (22, 32), (32, 33))]
    # Of six copies of 1 ms, those at 2, 11 and 12 are inside a computation; at 21 the GPU computes nothing.
    assert summarised(frames) == TimelineSummary(
        frames=3, copy_in_ms=1, compute_ms=10, copy_out_ms=1, busy_share=30 / 31, hidden_share=0.5
    )


def test_one_frame_after_the_other_hides_nothing() -> None:
    frames = [frame((0, 2), (2, 4), (4, 6)), frame((6, 8), (8, 10), (10, 12))]
    summary = summarised(frames)
    assert (summary.hidden_share, summary.busy_share) == (0.0, 0.5)


def test_a_copy_across_the_edge_counts_in_part() -> None:
    assert summarised([frame((0, 4), (1, 9), (8, 12))]).hidden_share == (3 + 1) / 8


def test_each_frame_is_marked_in_its_order(api: FakeCudaRuntime) -> None:
    engine = engine_on(api)
    slots = [engine.new_slot() for _ in range(2)]
    with engine.traced() as timeline:
        for _ in range(2):
            for slot in slots:
                engine.submit(slot)
            for slot in slots:
                engine.wait(slot)
        frames = timeline.frames()
    assert len(frames) == 4
    for times in frames:
        assert times.copy_in.end_ms <= times.compute.start_ms < times.compute.end_ms <= times.copy_out.start_ms
    assert frames[0].copy_in.start_ms == 0
    assert [times.compute.start_ms for times in frames] == sorted(times.compute.start_ms for times in frames)
    before = api.names().count("cudaEventCreate")
    engine.submit(slots[0])
    engine.wait(slots[0])
    assert api.names().count("cudaEventCreate") == before == 24, "nothing is made once the block has ended"
    engine.close()


def test_a_failure_while_tracing_leaves_nothing(api: FakeCudaRuntime) -> None:
    engine = engine_on(api)
    slot = engine.new_slot()
    with pytest.raises(BackendError, match="cudaMemcpyAsync failed"), engine.traced():
        engine.submit(slot)
        api.failing["cudaMemcpyAsync"] = Status.cudaErrorLaunchFailure
        engine.submit(slot)
    engine.close()
