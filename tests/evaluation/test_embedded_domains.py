"""The embedded translations meet the thresholds that ship with them, on a small set that never changes."""

from pathlib import Path

import pytest

from onestep.bundle import open_bundle
from onestep.domains import embedded_bundle, embedded_domains, rendered_conditions
from onestep.evaluation.evaluate import evaluate
from onestep.evaluation.kpi import kpi_file, read_kpis
from onestep.evaluation.request import Request
from tests.evaluation.picture_samples import rendered, write_folder

SIZE = (512, 288)
INPUTS, TARGETS = range(9000, 9006), range(9100, 9106)
"""Seeds that no training uses."""


@pytest.mark.parametrize("domain", embedded_domains())
def test_an_embedded_domain_meets_its_thresholds(domain: str, tmp_path: Path) -> None:
    start, goal = rendered_conditions(domain)
    inputs = write_folder(tmp_path / "inputs", {f"s{seed}": rendered(seed, start, SIZE) for seed in INPUTS})
    targets = write_folder(tmp_path / "targets", {f"s{seed}": rendered(seed, goal, SIZE) for seed in TARGETS})
    kpis = read_kpis(kpi_file(Path(domain)))
    assert len(kpis) >= 5
    request = Request(inputs=str(inputs), bundles=(open_bundle(embedded_bundle(domain)),), targets=targets)
    found = evaluate(request, tmp_path, kpis=kpis)
    missed = [(verdict.kpi, verdict.condition, verdict.reason) for verdict in found.verdicts if not verdict.passed]
    assert missed == []


@pytest.mark.parametrize("domain", embedded_domains())
def test_the_known_result_itself_would_meet_them(domain: str, tmp_path: Path) -> None:
    """A threshold that what is wanted misses would ask for something else."""
    start, goal = rendered_conditions(domain)
    inputs = write_folder(tmp_path / "inputs", {f"s{seed}": rendered(seed, start, SIZE) for seed in INPUTS})
    known = write_folder(tmp_path / "known", {f"s{seed}": rendered(seed, goal, SIZE) for seed in INPUTS})
    targets = write_folder(tmp_path / "targets", {f"s{seed}": rendered(seed, goal, SIZE) for seed in TARGETS})
    request = Request(inputs=str(inputs), outputs=(known,), targets=targets)
    found = evaluate(request, tmp_path, kpis=read_kpis(kpi_file(Path(domain))))
    assert [(verdict.kpi, verdict.reason) for verdict in found.verdicts if not verdict.passed] == []


@pytest.mark.parametrize("domain", embedded_domains())
def test_neither_a_copy_nor_a_picture_of_another_drive_would_meet_them(domain: str, tmp_path: Path) -> None:
    start, goal = rendered_conditions(domain)
    seeds = (1, 2, 3, 4)
    inputs = write_folder(tmp_path / "inputs", {f"s{seed}": rendered(seed, start) for seed in seeds})
    write_folder(tmp_path / "copies", {f"s{seed}": rendered(seed, start) for seed in seeds})
    targets = write_folder(tmp_path / "others", {f"s{seed}": rendered(seed % 4 + 1, goal) for seed in seeds})
    request = Request(inputs=str(inputs), outputs=(tmp_path / "copies", targets), targets=targets)
    found = evaluate(request, tmp_path, kpis=read_kpis(kpi_file(Path(domain))))
    passed = {(verdict.row, verdict.kpi) for verdict in found.verdicts if verdict.passed}
    assert ("copies", "edges_kept") in passed
    assert ("copies", "change_ratio") not in passed
    assert ("copies", "colour_distance") not in passed
    assert ("others", "edges_kept") not in passed
    assert ("others", "keypoints_kept") not in passed
