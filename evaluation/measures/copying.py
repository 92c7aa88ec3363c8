"""Whether a translator copies its input, or remembers its training pictures, in a feature space."""

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.distribution import Features


def change_ratio(of_source: Features, of_output: Features, of_domain: Features) -> NDArray[np.float64]:
    """Return how far each output is from its input, over how far the domain's pictures are from that input.

    Args:
        of_source: Features of the inputs, [n, D].
        of_output: Features of their outputs, [n, D].
        of_domain: Features of real pictures of the domain to reach, [m, D].

    Returns:
        [n], at least 0; 0 where the input was copied, 1 where the output is as far away as a picture of the domain is
        on average, which is usually another scene.
    """
    moved = np.linalg.norm(of_output.astype(np.float64) - of_source, axis=1)
    across = _distances(of_source, of_domain).mean(axis=1)
    ratio: NDArray[np.float64] = np.divide(moved, across, out=np.zeros_like(moved), where=across > 0)
    return ratio


def nearest_training(of_output: Features, of_training: Features) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Find the training picture that is nearest to each output.

    Args:
        of_output: [n, D].
        of_training: [m, D], m at least 1.

    Returns:
        The cosine distances [n], 0 for a copy, and the indices [n] of the training pictures.
    """
    cosine = _unit(of_output) @ _unit(of_training).T
    index = cosine.argmax(axis=1)
    return 1 - cosine[np.arange(len(cosine)), index], index


def _distances(a: Features, b: Features) -> NDArray[np.float64]:
    """Return Euclidean distances [n, m]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    squared = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None] - 2 * a @ b.T
    distances: NDArray[np.float64] = np.sqrt(np.maximum(squared, 0))
    return distances


def _unit(features: Features) -> NDArray[np.float64]:
    lengths = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    unit: NDArray[np.float64] = features / np.maximum(lengths, 1e-12)
    return unit
