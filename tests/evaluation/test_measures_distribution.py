"""KID, Frechet distance, copying and intervals, against torchmetrics, scipy and closed forms."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from onestep.errors import InputError
from onestep.evaluation.measures.bootstrap import (
    block_mean_interval,
    mean_interval,
    order_interval,
    percentile_interval,
    resample_counts,
)
from onestep.evaluation.measures.copying import change_ratio, nearest_training
from onestep.evaluation.measures.distribution import (
    frechet_distance,
    frechet_interval,
    kid,
    kid_interval,
    weighted_frechet,
)

Array = NDArray[np.float64]


def sets(shift: float = 0.0, *, n: int = 40, m: int = 30, length: int = 6) -> tuple[Array, Array]:
    """Return two samples whose means are apart by `shift` in every feature."""
    rng = np.random.default_rng(5)
    mixing = rng.normal(size=(length, length))
    return rng.normal(size=(n, length)) @ mixing, rng.normal(size=(m, length)) @ mixing + shift


class Pooled(nn.Module):
    """Twelve numbers of a picture, as torchmetrics takes a feature network of one's own."""

    num_features = 12

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.adaptive_avg_pool2d(images.float() / 255, 2).flatten(1)


@pytest.mark.parametrize("measure", [kid, frechet_distance])
def test_one_picture_has_no_distribution(measure: object) -> None:
    assert callable(measure)
    with pytest.raises(InputError, match="needs at least 2 pictures on each side, got 1 and 3"):
        measure(np.zeros((1, 4)), np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"must be \[n, D\] and \[m, D\], got \[2, 4\] and \[3, 5\]"):
        measure(np.zeros((2, 4)), np.zeros((3, 5)))


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
@pytest.mark.filterwarnings("ignore:Metric `FrechetInceptionDistance` will save:UserWarning")
def test_kid_and_frechet_distance_agree_with_torchmetrics_on_the_same_features() -> None:
    generator = torch.Generator().manual_seed(1)
    images_a = torch.randint(0, 256, (24, 3, 16, 16), generator=generator, dtype=torch.uint8)
    images_b = torch.randint(0, 200, (24, 3, 16, 16), generator=generator, dtype=torch.uint8)
    kernel = KernelInceptionDistance(feature=Pooled(), subsets=1, subset_size=24)
    gaussian = FrechetInceptionDistance(feature=Pooled(), input_img_size=(3, 16, 16)).set_dtype(torch.float64)
    for metric in (kernel, gaussian):
        metric.update(images_a, real=True)
        metric.update(images_b, real=False)
    features_a, features_b = (Pooled()(images).numpy() for images in (images_a, images_b))
    assert kid(features_a, features_b) == pytest.approx(float(kernel.compute()[0]), abs=1e-6)
    assert frechet_distance(features_a, features_b) == pytest.approx(float(gaussian.compute()), rel=1e-3)


@pytest.mark.parametrize(("n", "m"), [(40, 30), (5, 30), (4, 5)])
def test_frechet_distance_agrees_with_the_root_of_the_matrix(n: int, m: int) -> None:
    a, b = sets(0.7, n=n, m=m)
    of_a, of_b = np.cov(a.T), np.cov(b.T)
    jitter = np.eye(6) * 1e-9
    root = np.real(sqrtm((of_a + jitter) @ (of_b + jitter)))
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(of_a + of_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-3)


def test_kid_is_its_definition_pair_by_pair() -> None:
    a, b = sets(0.3, n=5, m=4)

    def kernel(x: Array, y: Array) -> float:
        return float((x @ y / 6 + 1) ** 3)

    within_a = np.mean([kernel(a[i], a[j]) for i in range(5) for j in range(5) if i != j])
    within_b = np.mean([kernel(b[i], b[j]) for i in range(4) for j in range(4) if i != j])
    between = np.mean([kernel(x, y) for x in a for y in b])
    assert kid(a, b) == pytest.approx(within_a + within_b - 2 * between)


def test_a_weighted_frechet_distance_is_that_of_repeated_pictures() -> None:
    a, b = sets(0.5, n=9, m=7)
    of_a, of_b = (resample_counts(len(x), resamples=3, stream=9) for x in (a, b))
    values = weighted_frechet(a @ a.T, b @ b.T, a @ b.T, of_a, of_b)
    for value, drawn_a, drawn_b in zip(values, of_a.astype(int), of_b.astype(int), strict=True):
        repeated = np.repeat(a, drawn_a, axis=0), np.repeat(b, drawn_b, axis=0)
        assert value == pytest.approx(frechet_distance(*repeated))


@pytest.mark.parametrize("measure", [kid, frechet_distance])
def test_distances_grow_with_the_shift(measure: object) -> None:
    assert callable(measure)
    values = [measure(*sets(shift)) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert values == sorted(values)


def test_intervals_hold_the_distance_and_narrow_with_more_pictures() -> None:
    for measure, interval in ((kid, kid_interval), (frechet_distance, frechet_interval)):
        few, many = sets(1.0), sets(1.0, n=300, m=300)
        low, high = interval(*few)
        assert low <= measure(*few) <= high
        narrow = interval(*many)
        assert narrow[1] - narrow[0] < (high - low) / 1.5
        assert interval(*few) == (low, high)


def test_copies_in_a_resample_do_not_pull_kid_upwards() -> None:
    a, b = sets(0.0, n=12, m=12)
    low, high = kid_interval(a, b)
    assert low < kid(a, b) < high
    assert abs((low + high) / 2 - kid(a, b)) < (high - low) / 4


def test_the_interval_of_a_mean_is_that_of_the_normal_law_for_many_values() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    interval = mean_interval(values)
    assert interval is not None
    half = 1.96 * values.std() / np.sqrt(400)
    assert interval == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 10)
    assert mean_interval(values[:1]) is None
    assert order_interval(values[:1], 95) is None


def test_a_series_whose_neighbours_are_alike_has_a_wider_interval() -> None:
    series = np.repeat(np.random.default_rng(0).normal(size=40), 10)
    alone, together = mean_interval(series), block_mean_interval(series, 10)
    assert alone is not None
    assert together is not None
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])
    assert block_mean_interval(series[:15], 10) is None


def test_the_interval_of_a_median_holds_it() -> None:
    values = np.random.default_rng(0).exponential(size=200)
    interval = order_interval(values, 50)
    assert interval is not None
    assert interval[0] < np.median(values) < interval[1]
    assert interval[1] - interval[0] < 0.5


def test_resamples_are_whole_draws_and_always_the_same() -> None:
    counts = resample_counts(7, resamples=50)
    assert (counts.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(counts, resample_counts(7, resamples=50))
    assert not np.array_equal(counts, resample_counts(7, resamples=50, stream=1))
    assert percentile_interval(np.arange(1001.0)) == pytest.approx((25, 975))


def test_change_ratio_is_zero_for_a_copy_and_about_one_for_pictures_of_the_domain() -> None:
    sources, domain = sets(3.0)
    np.testing.assert_array_equal(change_ratio(sources, sources, domain), 0)
    ratio = change_ratio(sources[:30], domain, domain)
    assert ratio.mean() == pytest.approx(1.0, abs=0.1)
    half_way = change_ratio(sources[:30], (sources[:30] + domain) / 2, domain)
    np.testing.assert_allclose(half_way, ratio / 2)
    expected = np.linalg.norm(domain - sources[:30], axis=1) / cdist(sources[:30], domain).mean(axis=1)
    np.testing.assert_allclose(ratio, expected)


def test_the_nearest_training_picture_is_found() -> None:
    training, outputs = sets()
    outputs[3] = training[17] * 2
    distances, indices = nearest_training(outputs, training)
    expected = cdist(outputs, training, "cosine")
    np.testing.assert_allclose(distances, expected.min(axis=1), atol=1e-12)
    np.testing.assert_array_equal(indices, expected.argmin(axis=1))
    assert indices[3] == 17
    assert distances[3] == pytest.approx(0, abs=1e-12)
