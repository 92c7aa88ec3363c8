"""The kernel's account of stolen time, from files made by hand."""

from pathlib import Path

import pytest
from bench.quiet import StolenTime


def test_the_share_is_of_all_time_since_then(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 800 10 0 5 35 0 0\ncpu0 1 2 3\n", encoding="ascii")
    stolen = StolenTime(stat)
    stat.write_text("cpu  150 0 60 830 10 0 5 45 0 0\ncpu0 1 2 3\n", encoding="ascii")
    assert stolen.share == pytest.approx(0.1)


def test_no_time_no_share(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 800 10 0 5 35 0 0\n", encoding="ascii")
    assert StolenTime(stat).share == 0.0


@pytest.mark.parametrize("text", [None, "cpu  100 0 50 800\n"])
def test_a_kernel_without_that_account(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "stat").write_text(text, encoding="ascii")
    assert StolenTime(tmp_path / "stat").share is None
