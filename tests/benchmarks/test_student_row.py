"""The student is another network than the table's generator: it has a row and a count of its own."""

from dataclasses import replace

import pytest
from bench.catalogue import all_rows
from bench.workload import Workload

from onestep.bundle import open_bundle
from onestep.domains import embedded_bundle
from onestep.errors import BackendError

ROW = next(row for row in all_rows(0.8) if row.family == "student")


def test_it_goes_with_the_embedded_base_only(workload: Workload) -> None:
    with pytest.raises(BackendError, match="a student ships for the embedded tiny base only"):
        ROW.check(workload)


def test_its_operations_are_its_own(workload: Workload) -> None:
    manifest = open_bundle(embedded_bundle("day2night")).manifest
    settings = replace(workload.settings, size=manifest.frame.preferred)
    assert ROW.flops(replace(workload, settings=settings)) == manifest.flops_per_frame["total"]
    assert ROW.flops(workload) != workload.part_flops["total"]
