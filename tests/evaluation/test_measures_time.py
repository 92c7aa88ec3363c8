"""Warp error and flicker, on motions and flickers that are known."""

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from onestep.errors import InputError
from onestep.evaluation.measures.flicker import cell_brightness, cell_flicker, flicker_percent
from onestep.evaluation.measures.temporal import WarpErrors, WarpMeter, seen_in_both, warp_error
from tests.evaluation.picture_samples import Picture, as_bytes, rendered


def panned(count: int = 6, step_px: int = 3) -> list[Picture]:
    """Return a window that moves over a rendered picture."""
    wide = rendered(2, size=(256, 144))
    return [np.ascontiguousarray(wide[8:136, index * step_px : index * step_px + 192]) for index in range(count)]


def warp_errors(sources: list[Picture], outputs: list[Picture]) -> list[WarpErrors]:
    meter = WarpMeter()
    found = [meter.add(source, output) for source, output in zip(sources, outputs, strict=True)]
    assert found[0] is None
    return [errors for errors in found if errors is not None]


def mean(errors: list[WarpErrors]) -> tuple[float, float]:
    return float(np.mean([each.output for each in errors])), float(np.mean([each.ratio for each in errors]))


def flickering(pictures: list[Picture], levels: float) -> list[Picture]:
    """Make every second frame brighter and the others darker."""
    return [as_bytes(p * 0.5 + 60 + (levels if n % 2 else -levels) / 2) for n, p in enumerate(pictures)]


def test_frames_of_different_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="different sizes cannot be compared"):
        WarpMeter().add(panned()[0], panned()[0][:-2])


def test_a_moving_picture_has_little_warp_error_and_its_dark_copy_is_no_steadier() -> None:
    sources = panned()
    own, ratio = mean(warp_errors(sources, sources))
    unmoved = float(np.mean([np.abs(a.astype(int) - b).mean() for a, b in pairwise(sources)]))
    assert own < unmoved / 3
    assert ratio == pytest.approx(1.0)
    dark_error, dark_ratio = mean(warp_errors(sources, [as_bytes(p * 0.25) for p in sources]))
    assert dark_error < own / 2
    assert dark_ratio == pytest.approx(1.0, abs=0.25)


def test_what_leaves_the_picture_or_is_hidden_later_is_not_seen_in_both() -> None:
    forward, backward = np.zeros((2, 40, 60, 2), np.float32)
    forward[..., 0], backward[..., 0] = 10.0, -10.0
    backward[:, 30:] = 0.0  # something that stands still hides what comes here
    seen = seen_in_both(forward, backward)
    assert seen[:, :19].all()
    assert not seen[:, 20:].any()
    before = np.tile(np.arange(60, dtype=np.float32), (40, 1))
    assert warp_error(before, before - 7.0, forward, seen) == pytest.approx(3.0)


def test_warp_error_is_the_step_of_brightness_and_grows_with_it() -> None:
    sources = panned()
    errors = [mean(warp_errors(sources, flickering(sources, levels))) for levels in (0.0, 10.0, 20.0, 40.0)]
    assert [error for error, _ in errors] == sorted(error for error, _ in errors)
    assert [ratio for _, ratio in errors] == sorted(ratio for _, ratio in errors)
    assert errors[3][0] == pytest.approx(40, abs=3)


def test_a_texture_that_does_not_move_with_the_scene_is_found() -> None:
    sources = panned()
    still = np.random.default_rng(0).normal(0, 20, sources[0].shape)
    stuck = [as_bytes(p + still) for p in sources]
    wandering = [as_bytes(p + np.roll(still, 3 * -index, axis=1)) for index, p in enumerate(sources)]
    assert mean(warp_errors(sources, stuck))[0] > 2 * mean(warp_errors(sources, wandering))[0]


def test_a_still_input_gives_no_ratio() -> None:
    still = [panned()[0]] * 3
    errors = warp_errors(still, flickering(still, 10))
    assert all(math.isnan(each.ratio) for each in errors)
    assert errors[0].output == pytest.approx(10, abs=1)


def brightness(frequency_hz: float, amplitude: float, fps: float = 30.0, count: int = 90) -> NDArray[np.float64]:
    """Return four cells of brightness 100 that swing alike."""
    time = np.arange(count) / fps
    return np.repeat((100 + amplitude * np.sin(2 * np.pi * frequency_hz * time))[:, None], 4, axis=1)


def flicker_of(series: NDArray[np.float64], fps: float = 30.0) -> float:
    squares = cell_flicker(series, fps)
    assert squares is not None
    return flicker_percent(squares)


@pytest.mark.parametrize(("frequency_hz", "amplitude"), [(6.0, 3.0), (12.0, 3.0), (10.0, 8.0)])
def test_flicker_of_a_sine_is_its_root_mean_square_in_per_cent(frequency_hz: float, amplitude: float) -> None:
    assert flicker_of(brightness(frequency_hz, amplitude)) == pytest.approx(amplitude / math.sqrt(2), rel=0.02)


def test_slow_changes_and_trends_are_no_flicker() -> None:
    assert flicker_of(brightness(0.7, 20.0)) < 0.1
    ramp = np.linspace(50, 150, 90)[:, None].repeat(4, axis=1)
    assert flicker_of(ramp) < 1e-6


def test_flicker_needs_frames_and_a_frame_rate() -> None:
    assert cell_flicker(brightness(6, 3)[:7], 30) is None
    assert cell_flicker(brightness(6, 3), 5) is None


def test_cells_are_the_means_of_their_places() -> None:
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[8:16, 32:48] = 200
    cells = cell_brightness(picture).reshape(8, 8)
    assert cells[1, 2] == pytest.approx(200, abs=0.1)
    assert cells.sum() == pytest.approx(200, abs=0.1)
