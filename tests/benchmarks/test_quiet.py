"""The kernel's account of the processors' time, from files made by hand."""

import os
from pathlib import Path

import pytest
from bench.quiet import Disturbance, Watch

TICKS = os.sysconf("SC_CLK_TCK")


def test_the_shares_are_of_all_time_since_then(tmp_path: Path) -> None:
    stat, own = tmp_path / "stat", iter([5.0, 5.0 + 25 / TICKS])
    stat.write_text("cpu  100 0 50 800 10 0 5 35 0 0\ncpu0 1 2 3\n", encoding="ascii")
    watch = Watch(stat, own=lambda: next(own))
    stat.write_text("cpu  150 0 60 830 10 0 5 45 0 0\ncpu0 1 2 3\n", encoding="ascii")
    disturbance = watch.disturbance
    assert disturbance.stolen_share == pytest.approx(0.1)
    assert disturbance.others_share == pytest.approx((60 - 25) / 100), "60 ticks were busy, 25 of them this process's"


def test_no_time_no_share(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 800 10 0 5 35 0 0\n", encoding="ascii")
    assert Watch(stat, own=lambda: 0.0).disturbance == Disturbance(0.0, 0.0)


@pytest.mark.parametrize("text", [None, "cpu  100 0 50 800\n"])
def test_a_kernel_without_that_account(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "stat").write_text(text, encoding="ascii")
    assert Watch(tmp_path / "stat").disturbance == Disturbance(None, None)
