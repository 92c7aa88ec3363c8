"""PSNR, SSIM, CIEDE2000, Lab histograms and Reinhard's transfer, against other libraries and closed forms."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.stats import wasserstein_distance

from onestep.errors import InputError
from onestep.evaluation.measures.colour import BINS, RANGES, ciede2000, histogram_distance, lab_from_rgb, lab_histogram
from onestep.evaluation.measures.reinhard import ColourSums, reinhard
from onestep.evaluation.measures.truth import EQUAL_DB, psnr, ssim
from tests.evaluation.picture_samples import Picture, ladder, noisy, rendered


def grey(level: int) -> Picture:
    return np.full((24, 24, 3), level, np.uint8)


def lightness(level: int) -> float:
    """Return CIE L* of a grey byte, from the definitions of sRGB and of L*."""
    value = level / 255
    linear = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    return 116 * linear ** (1 / 3) - 16 if linear > (6 / 29) ** 3 else linear * (29 / 3) ** 3


@pytest.mark.parametrize("measure", [psnr, ssim, ciede2000])
def test_different_sizes_are_refused(measure: object) -> None:
    assert callable(measure)
    with pytest.raises(InputError, match="different sizes cannot be compared place by place: 24x24 and 20x24"):
        measure(grey(5), grey(5)[:, :20])


def test_ssim_of_a_tiny_picture_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="SSIM needs pictures of at least 11x11 pixels, got 10x24"):
        ssim(grey(5)[:, :10], grey(5)[:, :10])


def test_psnr_is_its_definition_and_finite_for_equal_pictures() -> None:
    picture, worse = rendered(1), noisy(rendered(1), 10)
    mean_square = np.square(picture.astype(np.float64) - worse).mean()
    assert psnr(worse, picture) == pytest.approx(10 * np.log10(255**2 / mean_square))
    assert psnr(picture, picture) == EQUAL_DB


def test_ssim_is_its_definition_away_from_the_border() -> None:
    picture, worse = rendered(1), noisy(rendered(1), 10)

    def smooth(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(plane, 1.5, truncate=3.5))

    means = []
    for x, y in zip(np.moveaxis(picture / 1.0, 2, 0), np.moveaxis(worse / 1.0, 2, 0), strict=True):
        mean_x, mean_y = smooth(x), smooth(y)
        spread = smooth(x * x) - mean_x**2 + smooth(y * y) - mean_y**2
        together = smooth(x * y) - mean_x * mean_y
        lightness_part = (2 * mean_x * mean_y + (0.01 * 255) ** 2) / (mean_x**2 + mean_y**2 + (0.01 * 255) ** 2)
        similar = lightness_part * (2 * together + (0.03 * 255) ** 2) / (spread + (0.03 * 255) ** 2)
        means.append(similar[5:-5, 5:-5].mean())
    assert ssim(worse, picture) == pytest.approx(np.mean(means), abs=1e-6)


def test_ciede2000_of_greys_is_the_closed_form() -> None:
    one, two = lightness(90), lightness(140)
    middle = (one + two) / 2
    weight = 1 + 0.015 * (middle - 50) ** 2 / np.sqrt(20 + (middle - 50) ** 2)
    assert ciede2000(grey(140), grey(90)) == pytest.approx((two - one) / weight, abs=0.01)
    assert ciede2000(rendered(1), rendered(1)) == 0.0


@pytest.mark.parametrize("kind", ["noise", "recolour", "blur", "shift"])
def test_every_rung_of_a_ladder_is_further_from_the_truth(kind: str) -> None:
    rungs = ladder(kind, rendered(1))
    for values in (
        [-psnr(rung, rungs[0]) for rung in rungs],
        [-ssim(rung, rungs[0]) for rung in rungs],
        [ciede2000(rung, rungs[0]) for rung in rungs],
    ):
        assert values == sorted(values)


def test_histogram_distance_is_scipys_wasserstein_distance() -> None:
    of_day, of_night = lab_histogram(rendered(1)), lab_histogram(rendered(1, "night"))
    expected = []
    for index, (low, high) in enumerate(RANGES):
        centres = low + (np.arange(BINS) + 0.5) * (high - low) / BINS
        expected.append(wasserstein_distance(centres, centres, of_day[index], of_night[index]))
    assert float(histogram_distance(of_day, of_night)) == pytest.approx(np.mean(expected))
    assert float(histogram_distance(of_day, of_day)) == 0.0
    np.testing.assert_allclose(of_day.sum(axis=1), 1)


def test_histogram_distance_grows_with_the_change_of_colour() -> None:
    rungs = [lab_histogram(rung) for rung in ladder("recolour", rendered(1))]
    values = [float(histogram_distance(rungs[0], rung)) for rung in rungs]
    assert values == sorted(values)
    assert values[-1] > 10


def test_lab_of_white_and_grey() -> None:
    assert lab_from_rgb(grey(255))[0, 0] == pytest.approx([100, 0, 0], abs=0.02)
    assert lab_from_rgb(grey(90))[0, 0] == pytest.approx([lightness(90), 0, 0], abs=0.02)


def ruderman(picture: Picture) -> NDArray[np.float64]:
    """Return l, alpha, beta by the equations of the paper, one line each."""
    red, green, blue = np.moveaxis(picture.reshape(-1, 3) / 255, 1, 0)
    long = np.log10(np.maximum(0.3811 * red + 0.5783 * green + 0.0402 * blue, 1 / 255))
    middle = np.log10(np.maximum(0.1967 * red + 0.7244 * green + 0.0782 * blue, 1 / 255))
    short = np.log10(np.maximum(0.0241 * red + 0.1288 * green + 0.8444 * blue, 1 / 255))
    return np.stack(
        [
            (long + middle + short) / np.sqrt(3),
            (long + middle - 2 * short) / np.sqrt(6),
            (long - middle) / np.sqrt(2),
        ],
        axis=1,
    )


def test_reinhard_gives_a_picture_the_targets_colours() -> None:
    sums = ColourSums()
    for seed in (11, 12):
        sums.add(rendered(seed, "night"))
    pooled = np.concatenate([ruderman(rendered(seed, "night")) for seed in (11, 12)])
    target = sums.statistics()
    np.testing.assert_allclose(target.mean, pooled.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(target.deviation, pooled.std(axis=0), atol=1e-4)
    day = rendered(1)
    moved = ruderman(reinhard(day, target))
    assert np.abs(moved.mean(axis=0) - target.mean).max() < np.abs(ruderman(day).mean(axis=0) - target.mean).max() / 4


def test_reinhard_to_its_own_colours_changes_nothing() -> None:
    sums = ColourSums()
    sums.add(rendered(1))
    difference = reinhard(rendered(1), sums.statistics()).astype(int) - rendered(1)
    assert np.abs(difference).max() <= 2
