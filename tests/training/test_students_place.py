"""Students that are told where in the frame each pixel is: alike in a window, a whole frame, a folder and a graph."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from onestep.exporter.export import ExportOptions, export_bundle
from onestep.frame_size import FrameSize
from onestep.training.students.batch import Batch
from onestep.training.students.folder import PackedStudent, load_student, packed_student, save_student
from onestep.training.students.from_bundle import student_from_bundle
from onestep.training.students.losses import LossWeights
from onestep.training.students.network import StudentNetwork, StudentShape
from onestep.training.students.picture_source import PictureSource
from onestep.training.students.training import StudentTrainer, StudentTraining
from onestep.training.students.windows import Window
from tests.training.student_graphs import free_graph_difference
from tests.training.test_students import CARD, SHAPE

PLACED = dataclasses.replace(SHAPE, sees_place=True)


def student() -> StudentNetwork:
    """Return a student whose results depend on the place a good deal."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: StudentNetwork = StudentNetwork.of_shape(PLACED)
        torch.nn.init.normal_(network.head.weight, std=0.1)
        network.eval()
        return network


def packed() -> PackedStudent:
    return packed_student(student(), CARD)


@pytest.mark.parametrize(("flipped", "left"), [(False, -0.5), (True, -0.25)])
def test_the_edges_of_a_window(flipped: bool, left: float) -> None:
    window = Window(top=0, left=16, rows=24, columns=24, flipped=flipped, size=FrameSize(32, 32))
    assert window.corners(FrameSize(64, 48)).tolist() == [left, -1.0, left + 0.75, 0.0]


def test_a_window_is_seen_where_it_was_cut_out() -> None:
    """Of a grey frame only the place is seen: away from the border, a window gives what the frame gives there."""
    whole = student()(torch.zeros(1, 3, 96, 128)).detach()
    window = Window(top=32, left=64, rows=64, columns=64, flipped=False, size=FrameSize(64, 64))
    corners = window.corners(FrameSize(128, 96))[None]
    part = student()(torch.zeros(1, 3, 64, 64), corners).detach()
    inner = (..., slice(20, 44), slice(20, 44))
    torch.testing.assert_close(part[inner], whole[..., 32:, 64:][inner])
    elsewhere = student()(torch.zeros(1, 3, 64, 64)).detach()
    assert float((elsewhere[inner] - part[inner]).abs().mean()) > 0.01


def test_sources_say_where_their_windows_were() -> None:
    """The picture's colours are its places, so that they tell where a window was."""
    across, down = np.meshgrid(np.arange(64), np.arange(48))
    picture = np.stack([across, down, 0 * down], axis=-1)[None].astype(np.uint8)
    batch = PictureSource(picture, picture, FrameSize(32, 16), 4, scales=(1.0, 1.0)).batch(np.random.default_rng(1))
    assert batch.teacher is not None and batch.corners is not None
    colours = (batch.teacher + 1.0) * 127.5
    top = (2.0 * colours[:, 1, 0, 0]) / 48 - 1.0
    torch.testing.assert_close(batch.corners[:, 1], top, atol=1e-4, rtol=0.0)
    width = batch.corners[:, 2] - batch.corners[:, 0]
    torch.testing.assert_close(width, torch.ones(8), atol=1e-5, rtol=0.0)


@dataclasses.dataclass
class _BrighterToTheRight:
    """Grey windows, whose truth is how far right they were: nothing but the place tells it."""

    def batch(self, rng: np.random.Generator) -> Batch:
        left = torch.from_numpy(rng.uniform(-1.0, 0.5, 4).astype(np.float32))
        corners = torch.stack([left, 0 * left, left + 0.5, 0 * left + 1.0], dim=1)
        truth = (left + 0.25)[:, None, None, None].expand(4, 3, 16, 16)
        return Batch(torch.zeros(4, 3, 16, 16), truth.contiguous(), None, corners=corners)


def _loss_after_training(shape: StudentShape) -> float:
    weights = LossWeights(perceptual=0.0, temporal=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        new = StudentNetwork.of_shape(shape)
    trainer = StudentTrainer(new, StudentTraining(steps=150, learning_rate=1e-2, weights=weights))
    trainer.run(lambda step: [_BrighterToTheRight()], perceptual=None)
    batch = _BrighterToTheRight().batch(np.random.default_rng(99))
    assert batch.truth is not None
    return float((trainer.average(batch.image, batch.corners) - batch.truth).detach().abs().mean())


def test_a_student_learns_from_the_place() -> None:
    assert _loss_after_training(PLACED) < 0.4 * _loss_after_training(SHAPE)


def test_the_place_is_there_after_folder_and_bundle(tmp_path: Path) -> None:
    first = packed()
    frame = torch.rand(1, 3, 48, 64) * 2 - 1
    (tmp_path / "student").mkdir()
    save_student(first, tmp_path / "student")
    export_bundle(first, tmp_path / "b", options=ExportOptions(size=FrameSize(64, 48), parity_frame_count=1))
    for again in (load_student(tmp_path / "student"), student_from_bundle(tmp_path / "b")):
        assert torch.equal(again.generator.student(frame), first.generator.student(frame))


@pytest.mark.parametrize("size", [FrameSize(64, 48), FrameSize(256, 160)])
def test_a_graph_of_free_size_knows_its_own_places(tmp_path: Path, size: FrameSize) -> None:
    assert free_graph_difference(packed(), tmp_path, size) <= 1


def test_places_are_computed_and_not_stored(tmp_path: Path) -> None:
    """A table of them for a 512x288 frame would be larger than the student."""
    report = export_bundle(
        packed(), tmp_path / "b", options=ExportOptions(size=FrameSize(512, 288), parity_frame_count=1)
    )
    files = sum(path.stat().st_size for path in report.path.iterdir())
    assert files < 200_000
