"""The scripts beside the latency table: the export's cost, the README's section, the age of live frames."""

import json
from pathlib import Path

import numpy as np
import pytest
from bench.live_age import LiveAge, live_age
from bench.report import Report
from bench.video_rate import write_clip
from export import export
from readme import BEGIN, END, readme, readme_section, replaced

import onestep.runtime
from onestep.errors import InputError
from onestep.frame_size import FrameSize
from onestep.runtime.slots import Slot
from tests.runtime.bundles import make_bundle


def test_an_export_says_what_it_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(random_weights=True, size="64x32", precision="fp32", json=tmp_path / "export.json")
    figures = json.loads((tmp_path / "export.json").read_text(encoding="utf-8"))
    assert list(figures["seconds"]) == [
        "building the networks",
        "computing what the generator computes",
        "tracing and folding the graph",
        "writing the graph",
        "proving that the graph computes what the generator computes",
    ]
    assert figures["seconds_total"] == pytest.approx(sum(figures["seconds"].values()))
    assert figures["folded"]["nodes"] < figures["traced"]["nodes"]
    assert figures["peak_bytes"] > 10**8
    assert "parity: 32 frames of 64x32" in capsys.readouterr().out


def test_the_readmes_section_comes_from_the_report(report: Report, written: Path, tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"latency\.png is missing. Make it: python benchmarks/latency.py --from-json"):
        readme(written.parent, page)
    (written.parent / "latency.png").write_bytes(b"")
    readme(written.parent, page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n| row |") and text.endswith(f"{END}\nafter\n") and "old" not in text
    assert "| SDEdit, 50 steps | 80 | 4000 | 1 | 40.0x |  | per step x steps (10 of 40 steps timed) |" in text
    readme(written.parent, page)
    assert page.read_text(encoding="utf-8") == text, "a second run changes nothing"


def test_a_page_without_marks_is_left_alone(report: Report) -> None:
    with pytest.raises(InputError, match="README lacks the lines .* Put them in"):
        replaced("text", readme_section(report, "p.png"), where="README")


def test_ages_do_not_grow_when_the_source_is_too_fast(tmp_path: Path, given_back: list[Slot]) -> None:
    size = FrameSize(256, 128)
    clip = write_clip(tmp_path / "clip.mp4", size=size, frames=120, frames_per_second=60)
    with onestep.runtime.open(make_bundle(tmp_path / "b", kind="heavy", size=size)) as session:
        age = live_age(session, clip)
    assert age.source_fps == 60 and age.frames_due == 120
    assert 0 < age.frames_out <= 120 and min(age.ages_ms) > 0
    assert age.growth_ms < 1000, "a queue of a second's frames would show"
    assert given_back, "on a GPU a slot's memory is freed with the engine only"


def test_percentiles_and_growth_by_hand() -> None:
    age = LiveAge(source_fps=10, frames_due=9, frames_out=6, ages_ms=[10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
    assert age.growth_ms == np.median([50, 60]) - np.median([10, 20])
    assert age.percentile_ms(50) == 35
