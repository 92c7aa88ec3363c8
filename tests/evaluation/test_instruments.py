"""Which networks a run has, pictures side by side, and packages that a user may have."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from onestep.errors import InputError, MissingExtraError, UnknownNameError
from onestep.evaluation.instruments import open_instruments
from onestep.evaluation.networks.distances import PackageDistance
from onestep.evaluation.parallel import map_pictures
from onestep.evaluation.request import Request
from tests.evaluation.picture_samples import rendered
from tests.patience import PATIENCE_SECONDS


def silent(done: int, total: int | None) -> None:
    """Say nothing."""


class MeanDifference(nn.Module):
    """Stands for LPIPS or DISTS."""

    def __init__(self, net: str = "", verbose: bool = True) -> None:
        super().__init__()

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a - b).abs().mean(dim=(1, 2, 3))


def test_packages_that_are_not_there_are_named_with_their_figures() -> None:
    found = open_instruments(Request(inputs="day", outputs=(Path("a"),), features="alexnet-st"))
    assert set(found.distances) == {"st_lpips"}
    assert found.main_net == "alexnet-st"
    assert found.missing["lpips"] == found.missing["lpips_to_input"]
    assert "No module named 'lpips'" in found.missing["lpips"]
    assert found.missing["kid_efficientnet_lite0"] == "needs --features efficientnet-lite0"
    assert "kid_alexnet_st" not in found.missing


@pytest.mark.parametrize(
    ("name", "package", "attribute", "scale"), [("lpips", "lpips", "LPIPS", 2), ("dists", "DISTS_pytorch", "DISTS", 1)]
)
def test_packages_that_are_there_are_used_in_their_own_ranges(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str, attribute: str, scale: float
) -> None:
    module = ModuleType(package)
    setattr(module, attribute, MeanDifference)
    monkeypatch.setitem(sys.modules, package, module)
    distance = PackageDistance(name)
    day, night = rendered(1), rendered(1, "night")
    expected = scale * np.abs(day / 255 - night / 255).mean()
    assert distance.between(distance.describe(day), distance.describe(night)) == pytest.approx(expected, rel=1e-4)
    assert name in open_instruments(Request(inputs="day", outputs=(Path("a"),))).distances


def test_a_distance_without_a_package_is_unknown() -> None:
    with pytest.raises(UnknownNameError, match="Unknown distance 'lpip'. Did you mean 'lpips'"):
        PackageDistance("lpip")


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(MissingExtraError, match=r"skimage is needed to measure pictures .*'onestep\[evaluate\]'"):
        open_instruments(Request(inputs="day", outputs=(Path("a"),)))


def test_results_come_in_order_from_several_threads_with_one_torch_thread_each() -> None:
    seen: set[tuple[str, int]] = set()
    both = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def work(item: int) -> int:
        if item < 2:
            both.wait()  # two items are in work at once, or this never ends
        seen.add((threading.current_thread().name, torch.get_num_threads()))
        return item * item

    before = torch.get_num_threads()
    assert list(map_pictures(work, range(8), threads=2, tell=silent)) == [item * item for item in range(8)]
    assert {number for _, number in seen} == {1}
    assert torch.get_num_threads() == before


def test_an_error_of_one_picture_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture after the bad one is in work until the pool was told to end."""
    told, done = threading.Event(), list[int]()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            told.set()
            super().shutdown(wait=wait)

    def work(item: int) -> int:
        if item == 1:
            raise InputError("picture 1 is bad")
        assert item == 0 or told.wait(PATIENCE_SECONDS)
        done.append(item)
        return item

    monkeypatch.setattr("onestep.evaluation.parallel.ThreadPoolExecutor", Pool)
    with pytest.raises(InputError, match="picture 1 is bad"):
        list(map_pictures(work, range(100), threads=1, tell=silent))
    assert done in ([0], [0, 2])
