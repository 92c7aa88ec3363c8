"""Students whose deepest levels are interpolated on their way up: no bands, and the same after folder and bundle."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from onestep.exporter.export import ExportOptions, export_bundle
from onestep.frame_size import FrameSize
from onestep.training.students.folder import load_student, packed_student, save_student
from onestep.training.students.from_bundle import student_from_bundle
from onestep.training.students.network import StudentNetwork, StudentShape
from tests.training.student_graphs import free_graph_difference
from tests.training.test_students import CARD

SHAPE = StudentShape(widths=(8, 8, 8), down_blocks=(0, 0, 0), up_blocks=(0, 0))


def student(*, smooth: bool) -> StudentNetwork:
    """Return a student of random weights, the same for both kinds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network: StudentNetwork = StudentNetwork.of_shape(dataclasses.replace(SHAPE, smooth=smooth))
        torch.nn.init.normal_(network.head.weight, std=0.1)
        network.eval()
        return network


def largest_jump(*, smooth: bool) -> float:
    """Return how much neighbours differ at most in what the deepest level makes of an even sky, of what it spans."""
    network = student(smooth=smooth)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "skip" in name:
                weight.zero_()
        sky = torch.linspace(-1.0, 1.0, 256).expand(1, 3, 64, 256)
        across: Tensor = network.features(network.stem(sky))[0, :, 16, 16:-16]
    spans = across.amax(dim=1) - across.amin(dim=1)
    return float((across.diff(dim=1).abs().amax(dim=1) / spans.clamp(min=1e-3)).max())


def test_an_even_sky_has_no_edges_where_deep_places_meet() -> None:
    assert largest_jump(smooth=True) < 0.5 * largest_jump(smooth=False)


def test_the_deepest_levels_alone_are_interpolated() -> None:
    shape = StudentShape(widths=(8,) * 5, down_blocks=(0,) * 5, up_blocks=(0,) * 4)
    modes = [up.mode for up in StudentNetwork.of_shape(shape).up]
    assert modes == ["nearest", "nearest", "bilinear", "bilinear"]


@pytest.mark.parametrize("smooth", [False, True], ids=["repeated", "smooth"])
def test_a_student_stays_as_it_was_trained(tmp_path: Path, smooth: bool) -> None:
    first = packed_student(student(smooth=smooth), CARD)
    (tmp_path / "student").mkdir()
    save_student(first, tmp_path / "student")
    export_bundle(first, tmp_path / "b", options=ExportOptions(size=FrameSize(64, 48), parity_frame_count=1))
    frame = torch.rand(1, 3, 48, 64) * 2 - 1
    expected = first.generator.student(frame)
    assert not torch.allclose(student(smooth=not smooth)(frame), expected, atol=1e-3)
    for again in (load_student(tmp_path / "student"), student_from_bundle(tmp_path / "b")):
        assert torch.equal(again.generator.student(frame), expected)


def test_a_student_of_before_repeats_pixels(tmp_path: Path) -> None:
    """Its configuration says nothing about it."""
    save_student(packed_student(student(smooth=False), CARD), tmp_path)
    path = tmp_path / "student" / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config["smooth"]
    path.write_text(json.dumps(config), encoding="utf-8")
    frame = torch.rand(1, 3, 32, 32) * 2 - 1
    assert torch.equal(load_student(tmp_path).generator.student(frame), student(smooth=False)(frame))


@pytest.mark.parametrize("size", [FrameSize(64, 48), FrameSize(256, 160)])
def test_a_graph_of_free_size_interpolates_at_every_size(tmp_path: Path, size: FrameSize) -> None:
    assert free_graph_difference(packed_student(student(smooth=True), CARD), tmp_path, size) <= 1
