"""Rain in front of a student's results: where it falls, and that every way to compute it agrees."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from onestep.errors import SettingError
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.frame_size import FrameSize
from onestep.scenes.streaks import streak_tile, streaks
from onestep.training.students.distillation import DistillOptions
from onestep.training.students.folder import PackedStudent, load_student, packed_student, save_student
from onestep.training.students.from_bundle import student_from_bundle
from onestep.training.students.streaks import Streaks
from tests.training.student_graphs import free_graph_difference
from tests.training.test_students import CARD, small_student

FRAME = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_heavy_rain_has_more_streaks_and_none_has_none() -> None:
    light, heavy = (
        streaks(np.random.default_rng(0), 96, 128, slant=0.1, density=density).mean() for density in (0.3, 1.0)
    )
    assert 0.0 < light < 0.6 * heavy
    assert streaks(np.random.default_rng(0), 96, 128, slant=0.1, density=0.0).max() == 0.0


@pytest.mark.parametrize("slant", [1, -1])
def test_a_tile_goes_on_at_the_opposite_side(slant: int) -> None:
    """Along a streak little changes, at the border neither: it goes down by one row and aside by `slant` columns."""
    tile = streak_tile(1, 96, 128, slant=slant, density=1.0)
    change = np.abs(tile - np.roll(tile, (1, slant), (0, 1)))
    across = np.abs(tile - np.roll(tile, (0, 3), (0, 1))).mean()
    assert change.mean() < 0.5 * across
    for border in (change[0], change[:, 0 if slant > 0 else -1]):
        assert border.mean() < 0.5 * across


def test_streaks_only_brighten_and_stay_in_range() -> None:
    rain = Streaks(1.0)
    result = rain(torch.full_like(FRAME, -0.5), FRAME)
    assert float(result.min()) == pytest.approx(-0.5) and -0.2 < float(result.max()) <= 1.0
    white = torch.ones_like(FRAME)
    assert torch.equal(rain(white, FRAME), white)


def test_the_frame_decides_where_the_drops_fall() -> None:
    rain, dark = Streaks(1.0), torch.full_like(FRAME, -0.5)
    noisy = ((FRAME + 0.02 * torch.randn_like(FRAME)).clamp(-1, 1) * 127.5).round() / 127.5
    assert torch.equal(rain(dark, FRAME), rain(dark, FRAME))
    assert not torch.equal(rain(dark, FRAME), rain(dark, noisy))


def test_half_precision_finds_the_same_rain() -> None:
    """The place is read from the bytes behind the numbers, which float16 holds exactly enough."""
    rain, dark = Streaks(1.0), torch.full((1, 3, 64, 96), -0.5)
    for seed in range(20):
        frame = torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (1, 3, 64, 96))).float() / 127.5 - 1.0
        assert torch.equal(rain(dark, frame), rain(dark, frame.half()))
        assert not torch.equal(rain(dark, frame), rain(dark, frame.flip(0, 1) * 0.99))


def test_rain_is_there_after_folder_and_bundle(tmp_path: Path) -> None:
    packed = packed_student(small_student(), dataclasses.replace(CARD, streaks=1.0))
    result = _results(packed)
    assert not torch.equal(result, _results(packed_student(small_student(), CARD)))
    (tmp_path / "student").mkdir()
    save_student(packed, tmp_path / "student")
    assert torch.equal(_results(load_student(tmp_path / "student")), result)
    export_bundle(packed, tmp_path / "b", options=ExportOptions(size=FrameSize(64, 48), parity_frame_count=1))
    again = student_from_bundle(tmp_path / "b")
    assert again.card.streaks == 1.0 and torch.equal(_results(again), result)


@pytest.mark.parametrize("size", [FrameSize(64, 48), FrameSize(640, 320)])
def test_a_graph_of_free_size_lets_the_same_rain_fall(tmp_path: Path, size: FrameSize) -> None:
    """The larger frame is larger than the pattern."""
    packed = packed_student(small_student(), dataclasses.replace(CARD, streaks=1.0))
    assert free_graph_difference(packed, tmp_path, size) <= 1


def test_a_compact_bundle_keeps_the_pattern_in_half_the_room() -> None:
    tile = Streaks(0.7).tile
    assert torch.equal(tile.half().float(), tile)


def test_a_negative_density_is_refused() -> None:
    with pytest.raises(SettingError, match="density of streaks is 0 or more, got -1"):
        DistillOptions(data=Path("pictures"), streaks=-1.0)


def _results(packed: PackedStudent) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = packed.generator(FRAME, packed.base.prompt_embedding(CARD.prompt))
        return result
