"""Structure besides edges: SSIM and keypoints, both on the locally normalised luminance, so darkening costs nothing."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.luminance import local_normalised
from onestep.evaluation.measures.pixels import Picture, check_pair
from onestep.evaluation.measures.wang_ssim import mean_ssim

_CLIP: Final = 3.0
"""Normalised luminance beyond this is cut."""
_KEYPOINTS: Final = 500
_FAST_THRESHOLD: Final = 20
"""Of 255 levels, which span the clipped normalised luminance."""
_TOLERANCE: Final = 1 / 96
"""Distance at which a keypoint is found again, as a part of the shorter side: 3 px of 288."""
_LEAST_TOLERANCE_PX: Final = 2.0


def structure_ssim(source: Picture, output: Picture) -> float:
    """Return the mean SSIM (Wang et al., TIP 2004) of the locally normalised luminances, in [-1, 1].

    Gaussian window of 1.5 px; computed by scikit-image.

    Raises:
        InputError: They are no pictures, or differ in size.
    """
    check_pair(source, output)
    a, b = (np.clip(local_normalised(picture), -_CLIP, _CLIP) for picture in (source, output))
    return mean_ssim(a, b, data_range=2 * _CLIP)


def keypoints_kept(source: Picture, output: Picture) -> float:
    """Return the share of the input's keypoints that the output has at the same place.

    Repeatability (Mikolajczyk & Schmid, TPAMI 2005) under the identity, of the strongest ORB keypoints (Rublee et al.,
    ICCV 2011) of each picture, by OpenCV, at one threshold and one scale.

    Returns:
        In [0, 1]; NaN where the input has no keypoints.

    Raises:
        InputError: They are no pictures, or differ in size.
    """
    check_pair(source, output)
    of_source, of_output = _keypoints(source), _keypoints(output)
    if len(of_source) == 0:
        return float("nan")
    if len(of_output) == 0:
        return 0.0
    radius_px = max(min(source.shape[:2]) * _TOLERANCE, _LEAST_TOLERANCE_PX)
    offsets = of_source[:, None] - of_output[None]  # [n_source, n_output, 2]
    nearest_px = np.sqrt(np.square(offsets).sum(axis=2).min(axis=1))
    return float((nearest_px <= radius_px).mean())


def _keypoints(picture: Picture) -> NDArray[np.float32]:
    """Return places [n, 2] as x and y."""
    import cv2

    levels = np.clip(local_normalised(picture) * (127.5 / _CLIP) + 127.5, 0, 255).astype(np.uint8)
    detector = cv2.ORB.create(nfeatures=_KEYPOINTS, nlevels=1, edgeThreshold=8, fastThreshold=_FAST_THRESHOLD)
    return np.array([point.pt for point in detector.detect(levels)], np.float32).reshape(-1, 2)
