"""As many cores as the scheduler gives, or as the container's time is worth where that is less."""

import os
from pathlib import Path

import pytest

from onestep.usable_cores import usable_cores


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("200000 100000", 2),
        ("250000 100000", 3),
        ("10000 100000", 1),
        ("1600000 100000", 8),
        ("max 100000", 8),
        ("", 8),
    ],
)
def test_cores_heed_the_containers_time(tmp_path: Path, limit: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert usable_cores(tmp_path) == cores


def test_without_a_control_group_the_schedulers_cores_count(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "none") == 8
