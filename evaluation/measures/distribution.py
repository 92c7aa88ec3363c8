"""How far two sets of pictures are apart in a feature space: KID and Frechet distance, with their intervals."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.errors import InputError
from onestep.evaluation.measures.bootstrap import Interval, percentile_interval, resample_counts

Features = NDArray[np.floating]
"""[n, D], one row for each picture."""

_FRECHET_RESAMPLES: Final = 100
_FRECHET_RESAMPLES_LARGE: Final = 30
_LARGE: Final = 500


def kid(features_a: Features, features_b: Features) -> float:
    """Return the kernel distance: the unbiased squared maximum mean discrepancy of Binkowski et al. (ICLR 2018).

    The kernel is (x.y / D + 1) ** 3. All pictures are used at once, not subsets of them.

    Args:
        features_a: [n, D], n at least 2.
        features_b: [m, D], m at least 2.

    Returns:
        About 0 for two samples of one distribution; may be a little below 0.

    Raises:
        InputError: A set has fewer than two pictures, or the features differ in length.
    """
    _check(features_a, features_b)
    kernels = _kernels(features_a, features_b)
    return float(_weighted_kid(*kernels, np.ones((1, len(features_a))), np.ones((1, len(features_b))))[0])


def kid_interval(features_a: Features, features_b: Features) -> Interval:
    """Return the bootstrap interval of `kid`, both sets resampled.

    Pairs of a picture with its own copy, which a resample contains, are left out: they would look like closeness.
    """
    _check(features_a, features_b)
    kernels = _kernels(features_a, features_b)
    drawn_a = resample_counts(len(features_a), stream=1)
    drawn_b = resample_counts(len(features_b), stream=2)
    return percentile_interval(_weighted_kid(*kernels, drawn_a, drawn_b))


def frechet_distance(features_a: Features, features_b: Features) -> float:
    """Return the Frechet distance of two Gaussians fitted to the sets (Heusel et al., NeurIPS 2017).

    The trace of the root of the product of the covariances is the sum of the singular values of the product of the
    centred sets, which needs no root of a matrix and is exact for small sets. The distance is biased upwards for small
    sets: compare it only at equal counts, and with the real-versus-real row.

    Args:
        features_a: [n, D], n at least 2.
        features_b: [m, D], m at least 2.

    Returns:
        At least 0. Called FID only on the Inception network of Heusel et al.

    Raises:
        InputError: A set has fewer than two pictures, or the features differ in length.
    """
    _check(features_a, features_b)
    a, b = features_a.astype(np.float64), features_b.astype(np.float64)
    return _frechet(a, b)


def frechet_interval(features_a: Features, features_b: Features) -> Interval:
    """Return a bootstrap interval of `frechet_distance`, both sets resampled.

    A resample has fewer different pictures, which raises the distance; so the spread of the resamples about their own
    mean is laid around the distance itself.
    """
    _check(features_a, features_b)
    a, b = features_a.astype(np.float64), features_b.astype(np.float64)
    resamples = _FRECHET_RESAMPLES if min(len(a), len(b)) <= _LARGE else _FRECHET_RESAMPLES_LARGE
    drawn_a = resample_counts(len(a), resamples=resamples, stream=1)
    drawn_b = resample_counts(len(b), resamples=resamples, stream=2)
    values = weighted_frechet(a @ a.T, b @ b.T, a @ b.T, drawn_a, drawn_b)
    return percentile_interval(values - values.mean() + _frechet(a, b))


def weighted_frechet(
    within_a: NDArray[np.float64],
    within_b: NDArray[np.float64],
    between: NDArray[np.float64],
    of_a: NDArray[np.float64],
    of_b: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return Frechet distances of two sets whose members count several times or not at all.

    Needs only the inner products of the features, so its cost does not depend on their length.

    Args:
        within_a: Inner products of the first set with itself, [n, n].
        within_b: Of the second set, [m, m].
        between: Of the first set with the second, [n, m].
        of_a: How often each member of the first set counts, [resamples, n]; at least 2 in a row.
        of_b: The same of the second set, [resamples, m].

    Returns:
        [resamples], each at least 0.
    """
    share_a, share_b = (counts / counts.sum(axis=1, keepdims=True) for counts in (of_a, of_b))
    to_b, to_a = share_b @ between.T, share_a @ between  # mean products of each member with the other set
    mean_a, mean_b = (
        (share @ within * share).sum(axis=1) for share, within in ((share_a, within_a), (share_b, within_b))
    )
    mean_both = (to_b * share_a).sum(axis=1)
    spreads = [
        (share @ within.diagonal() - mean) * counts.sum(axis=1) / (counts.sum(axis=1) - 1)
        for share, within, mean, counts in ((share_a, within_a, mean_a, of_a), (share_b, within_b, mean_b, of_b))
    ]
    roots = np.empty(len(of_a))
    for index, (weights_a, weights_b) in enumerate(zip(of_a, of_b, strict=True)):
        centred = between - to_b[index][:, None] - to_a[index] + mean_both[index]
        scale = np.sqrt(weights_a / (weights_a.sum() - 1))[:, None] * np.sqrt(weights_b / (weights_b.sum() - 1))
        roots[index] = _nuclear_norm((scale * centred)[np.ix_(weights_a > 0, weights_b > 0)])
    distances: NDArray[np.float64] = mean_a + mean_b - 2 * mean_both + spreads[0] + spreads[1] - 2 * roots
    return np.maximum(distances, 0.0)


def _nuclear_norm(matrix: NDArray[np.float64]) -> float:
    """Return the sum of the singular values, by torch: its threads can be limited, as `parallel` does."""
    import torch

    return float(torch.linalg.svdvals(torch.from_numpy(matrix)).sum())


def _frechet(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    means = a.mean(axis=0) - b.mean(axis=0)
    a, b = (a - a.mean(axis=0)) / np.sqrt(len(a) - 1), (b - b.mean(axis=0)) / np.sqrt(len(b) - 1)
    root_trace = _nuclear_norm(_triangular(a) @ _triangular(b).T)
    return float(max(means @ means + np.square(a).sum() + np.square(b).sum() - 2 * root_trace, 0.0))


def _triangular(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return something smaller with the same singular values in a product, where there are more rows than columns."""
    return np.asarray(np.linalg.qr(x, mode="r")) if len(x) > x.shape[1] else x


def _check(a: Features, b: Features) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise InputError(f"Two sets of features must be [n, D] and [m, D], got {list(a.shape)} and {list(b.shape)}.")
    if min(len(a), len(b)) < 2:
        raise InputError(
            f"A distance of distributions needs at least 2 pictures on each side, got {len(a)} and {len(b)}."
        )


def _kernels(a: Features, b: Features) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the kernel within a, within b (both with a zero diagonal) and between them."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    factor = 1 / a.shape[1]
    within_a, within_b, between = ((factor * x @ y.T + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    np.fill_diagonal(within_a, 0)
    np.fill_diagonal(within_b, 0)
    return within_a, within_b, between


def _weighted_kid(
    within_a: NDArray[np.float64],
    within_b: NDArray[np.float64],
    between: NDArray[np.float64],
    of_a: NDArray[np.float64],
    of_b: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the distance for each row of weights [resamples, n] and [resamples, m]."""

    def mean_within(kernel: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = weights.sum(axis=1) ** 2 - np.square(weights).sum(axis=1)
        sums: NDArray[np.float64] = ((weights @ kernel) * weights).sum(axis=1)
        mean: NDArray[np.float64] = np.divide(sums, pairs, out=np.zeros_like(sums), where=pairs > 0)
        return mean

    cross = ((of_a @ between) * of_b).sum(axis=1) / (of_a.sum(axis=1) * of_b.sum(axis=1))
    distance: NDArray[np.float64] = mean_within(within_a, of_a) + mean_within(within_b, of_b) - 2 * cross
    return distance
