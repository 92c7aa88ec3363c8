"""The ways up from the network's size: what the runtime does comes nearest to the truth."""

import json
from pathlib import Path

import numpy as np
import pytest
from bench.ways_up import WAYS_UP, Given, lanczos_and_detail, scaled
from detail import detail

import onestep.runtime
from tests.runtime.bundles import make_bundle, random_frame


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    detail(sizes="1024x576", scenes=1, json=tmp_path / "detail.json")
    found = json.loads((tmp_path / "detail.json").read_text(encoding="utf-8"))
    rows = {row["way"]: row for row in found["rows"]}
    assert list(rows) == list(WAYS_UP)
    best = rows["lanczos-and-detail"]
    assert all(best["edge_error"] <= row["edge_error"] for row in rows.values())
    assert best["psnr_db"] > rows["guided"]["psnr_db"] and best["one_core_ms"] > 0.0
    assert "| 1024x576 | lanczos-and-detail |" in capsys.readouterr().out


def test_the_runtimes_way_is_the_last_row(tmp_path: Path) -> None:
    """A network that changes nothing, at a quarter of the picture."""
    source = random_frame(128, 64)
    with onestep.runtime.open(make_bundle(tmp_path / "bundle", kind="copy")) as session:
        result = session(source)
    seen = scaled(source, np.empty((32, 64, 3), np.uint8), "bicubic")
    np.testing.assert_array_equal(result, lanczos_and_detail(Given(source, seen, seen)))
