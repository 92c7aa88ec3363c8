"""Edges, SSIM and keypoints: hand-made cases, an independent computation, and ladders of degradations."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from onestep.errors import InputError
from onestep.evaluation.measures.edges import edges_kept
from onestep.evaluation.measures.luminance import local_normalised, luminance
from onestep.evaluation.measures.structure import keypoints_kept, structure_ssim
from tests.evaluation.picture_samples import Picture, darkened, ladder, rendered

MEASURES = {"edges": edges_kept, "ssim": structure_ssim, "keypoints": keypoints_kept}


def bars(places: list[int], *, upright: bool = True) -> Picture:
    """Return a picture of 96x96 with bright bars, 16 pixels wide, from the places given."""
    picture = np.full((96, 96, 3), 60, np.uint8)
    for place in places:
        picture[:, place : place + 16] = 180
    return picture if upright else np.ascontiguousarray(picture.swapaxes(0, 1))


@pytest.mark.parametrize("name", MEASURES)
def test_pictures_of_different_sizes_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="different sizes cannot be compared place by place: 96x96 and 90x96"):
        MEASURES[name](bars([20]), bars([20])[:, :90])


@pytest.mark.parametrize("name", MEASURES)
def test_an_array_that_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"must be uint8 \[H, W, 3\] in RGB order, got float64 \[96, 96\]"):
        MEASURES[name](np.zeros((96, 96)), np.zeros((96, 96)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MEASURES)
def test_a_copy_keeps_everything(name: str) -> None:
    assert MEASURES[name](rendered(1), rendered(1)) == pytest.approx(1.0)


def test_an_edge_that_is_gone_is_lost_and_one_beside_its_place_is_kept() -> None:
    both, one = bars([16, 64]), bars([16])
    assert edges_kept(both, one) == pytest.approx(0.5, abs=0.05)
    assert edges_kept(both, bars([17, 65])) == pytest.approx(1.0, abs=0.02)
    assert edges_kept(both, bars([24, 72])) < 0.05


def test_an_edge_across_another_does_not_keep_it() -> None:
    assert edges_kept(bars([16, 64]), bars([16, 64], upright=False)) < 0.1


def test_a_picture_without_edges_or_keypoints_has_none_to_keep() -> None:
    flat = np.full((96, 96, 3), 90, np.uint8)
    assert math.isnan(edges_kept(flat, bars([20])))
    assert math.isnan(keypoints_kept(flat, bars([20])))
    assert edges_kept(bars([20]), flat) == 0.0
    assert keypoints_kept(rendered(1), np.zeros_like(rendered(1))) == 0.0


@pytest.mark.parametrize("seed", [1, 5])
def test_darkening_costs_next_to_no_edges_and_far_less_structure_than_blur(seed: int) -> None:
    day = rendered(seed)
    dark = darkened(day, 0.25)
    assert edges_kept(day, dark) > 0.97
    blurry = ladder("blur", day)[2]
    assert structure_ssim(day, dark) > structure_ssim(day, blurry) + 0.1
    assert keypoints_kept(day, dark) > keypoints_kept(day, blurry) + 0.2


def test_the_true_night_keeps_far_more_edges_than_another_drive() -> None:
    assert edges_kept(rendered(1), rendered(1, "night")) > edges_kept(rendered(1), rendered(2)) + 0.3


@pytest.mark.parametrize("kind", ["blur", "noise", "shift"])
@pytest.mark.parametrize("name", MEASURES)
def test_every_rung_of_a_ladder_keeps_less(name: str, kind: str) -> None:
    day = rendered(1)
    values = [MEASURES[name](day, worse) for worse in ladder(kind, day)]
    assert values[0] == pytest.approx(1.0)
    assert all(later < earlier + 0.02 for earlier, later in pairwise(values)), values
    assert values[-1] < values[0] - 0.3


def test_noise_alone_does_not_pass_for_edges() -> None:
    noise = np.random.default_rng(0).integers(0, 256, rendered(1).shape).astype(np.uint8)
    assert edges_kept(rendered(1), noise) < 0.35


def test_normalised_luminance_is_what_scipy_computes() -> None:
    picture = rendered(1)
    luma = picture @ np.array([0.2126, 0.7152, 0.0722])
    sigma_px = min(luma.shape) / 36
    mean, squares = (gaussian_filter(x, sigma_px, mode="mirror", truncate=4) for x in (luma, luma**2))
    expected = (luma - mean) / (np.sqrt(np.maximum(squares - mean**2, 0)) + 2)
    np.testing.assert_allclose(luminance(picture), luma, rtol=1e-5)
    np.testing.assert_allclose(local_normalised(picture), expected, atol=0.02)


def test_structure_ssim_is_that_of_skimage_on_the_normalised_luminances() -> None:
    a, b = rendered(1), rendered(1, "night")
    x, y = (np.clip(local_normalised(p), -3, 3).astype(np.float64) for p in (a, b))
    expected = structural_similarity(  # type: ignore[no-untyped-call]
        x, y, data_range=6.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert structure_ssim(a, b) == pytest.approx(expected, abs=1e-4)
