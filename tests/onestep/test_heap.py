"""Freed memory is kept for the next call where that was asked for, and can still be handed back."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")

FAULTS = """
import resource
import numpy as np
from onestep.heap import give_back, keep_heap

def call():
    for array in [np.ones(1 << 20) for _ in range(16)]:
        array += 1

{before}
call()
call()
{between}
begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    call()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begun) / 4)
"""
PAGES = 16 * (8 << 20) / 4096
"""Of one call's arrays."""


def faults_per_call(*, before: str = "", between: str = "") -> float:
    code = FAULTS.format(before=before, between=between)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(run.stdout)


def test_kept_memory_is_not_taken_anew_in_each_call() -> None:
    kept = faults_per_call(before="assert keep_heap()")
    assert kept < 0.01 * PAGES


def test_kept_memory_can_still_be_given_back() -> None:
    given = faults_per_call(before="keep_heap()", between="give_back()")
    assert given * 4 > 0.1 * PAGES  # taken anew once, by the first of the four calls
