"""What a windscreen mirrors: faint, fixed in the picture, and in no result that is asked for."""

from types import ModuleType

import numpy as np
import pytest
import torch

from onestep.frame_size import FrameSize
from onestep.training.students import picture_source, rendered_source, windscreen
from onestep.training.students.pairs import RenderedPairs
from onestep.training.students.picture_source import PictureSource
from onestep.training.students.rendered_source import RenderedSource
from onestep.training.students.windscreen import maybe_windscreen

GREY = torch.full((3, 96, 128), -0.2)


def test_two_fifths_of_the_pictures_are_seen_through_a_windscreen_that_mirrors() -> None:
    kept = [torch.equal(maybe_windscreen(GREY, seed), GREY) for seed in range(200)]
    assert 95 < sum(kept) < 145
    changed = kept.index(False)
    assert torch.equal(maybe_windscreen(GREY, changed), maybe_windscreen(GREY, changed)), "both moments alike"


def test_lines_lie_across_the_picture_and_are_faint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windscreen, "MIRRORED_SHARE", 1.0)
    seen = torch.stack([maybe_windscreen(GREY, seed) - GREY for seed in range(50)])[:, 0] * 127.5
    across, down = seen.diff(dim=2).abs().amax(dim=(1, 2)), seen.diff(dim=1).abs().amax(dim=(1, 2))
    assert float((down > 3 * across).float().mean()) > 0.8, "edges from left to right"
    assert 5 < float(seen.amax(dim=(1, 2)).median()) < 30, "levels of 255"
    assert float((seen.mean(dim=(1, 2)) > 0).float().mean()) > 0.7, "most are lighter than what is behind them"


def test_by_night_less_is_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windscreen, "MIRRORED_SHARE", 1.0)
    day, night = (maybe_windscreen(GREY, 3, middle=middle) - GREY for middle in (0.5, 0.15))
    torch.testing.assert_close(night, 0.3 * day, atol=1e-6, rtol=1e-3)


def test_what_is_white_stays_within_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windscreen, "MIRRORED_SHARE", 1.0)
    for seed in range(20):
        assert float(maybe_windscreen(torch.ones(3, 16, 16), seed).max()) <= 1.0


def test_a_source_of_pictures_mirrors_in_what_is_seen_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _see_nothing_but_windscreens(picture_source, monkeypatch)
    flat = np.full((1, 48, 64, 3), 90, np.uint8)
    batch = PictureSource(flat, flat, FrameSize(32, 32), 1).batch(np.random.default_rng(1))
    torch.testing.assert_close(batch.image[0], batch.image[1])
    assert batch.teacher is not None and float((batch.image - batch.teacher).abs().max()) > 0.01
    assert float(batch.teacher.std()) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("condition", "share"), [("day", 1.0), ("night", 0.3)])
def test_a_source_of_rendered_pairs_mirrors_in_what_is_seen_alone(
    monkeypatch: pytest.MonkeyPatch, condition: str, share: float
) -> None:
    _see_nothing_but_windscreens(rendered_source, monkeypatch)
    flat = np.full((1, 2, 48, 64, 3), 90, np.uint8)
    pairs = RenderedPairs({condition: flat, "wet": flat}, np.zeros((1, 48, 64, 2), np.float16))
    batch = RenderedSource(pairs, condition, "wet", FrameSize(32, 32), 1).batch(np.random.default_rng(1))
    assert batch.truth is not None
    torch.testing.assert_close(batch.image[0], batch.image[1])
    mirrored = float((batch.image - batch.truth).abs().max())
    assert 0.01 * share < mirrored < 0.6 * share
    assert float(batch.truth.std()) == pytest.approx(0.0, abs=1e-6)


def _see_nothing_but_windscreens(source: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def unchanged(image: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        return image

    monkeypatch.setattr(windscreen, "MIRRORED_SHARE", 1.0)
    monkeypatch.setattr(source, "maybe_another_camera", unchanged)
    monkeypatch.setattr(source, "random_degradation", unchanged)
