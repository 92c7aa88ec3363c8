"""Which tests need a GPU, and what becomes of them without one.

Tests marked `gpu` are skipped on a machine without a GPU. Under `ONESTEP_REQUIRE_GPU=1`, as in `make gpu-check`, they
run, and one that is skipped for any reason fails: a broken driver cannot turn the suite green.
"""

import os
from collections.abc import Iterable

import pytest

REQUIRED = "ONESTEP_REQUIRE_GPU"


def is_required() -> bool:
    """Tell whether this run must use a GPU."""
    return os.environ.get(REQUIRED) == "1"


def skip_without_gpu(items: Iterable[pytest.Item]) -> None:
    """Mark the tests that need a GPU as skipped where there is none and none is required."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked or is_required():
        return
    from onestep.runtime.cuda.calls import why_no_cuda

    if reason := why_no_cuda():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


def fail_if_skipped(item: pytest.Item, report: pytest.TestReport) -> None:
    """Turn the skip of a test that needs a GPU into a failure where one is required."""
    if report.skipped and item.get_closest_marker("gpu") and is_required() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under {REQUIRED}=1: {report.longrepr}"
