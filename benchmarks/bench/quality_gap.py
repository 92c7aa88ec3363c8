"""How much of the way from the inputs to pictures of the condition a result goes, in a feature space.

gap closed(x) = (D(input, photos) - D(x, photos)) / D(input, photos)

D is KID, the unbiased squared MMD of `onestep.evaluation.measures.distribution`, on the features of ST-LPIPS's VGG16
(`vgg16-st`); photos are real, or rendered where nobody has any. The copied input closes exactly 0, other photos of the
same kind close 1 but for chance, and what leads away from them closes less than 0. The distance of the photos from
others of their kind is not measured: being unbiased, it is 0 on average over all ways to halve them, and a few halvings
of a few dozen were seen at half the gap.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.quality_figures import MoreFigures
from onestep.evaluation.measures.distribution import Features, kid, kid_interval
from onestep.evaluation.networks.features import feature_net
from onestep.evaluation.parallel import map_pictures
from onestep.evaluation.progress import Tell
from onestep.evaluation.results import Figure, PictureRef
from onestep.evaluation.translators import COPY_INPUT
from onestep.runtime.pictures import read_picture

MIN_PICTURES: Final = 8
"""On either side; below that a distance is noise."""

_NAME: Final = "gap_closed"
_NET: Final = "vgg16-st"
_DEFINITION: Final = (
    f"(D(input, photos) - D(row, photos)) / D(input, photos), where D is KID on {_NET}: 0 for the copied input, 1 for "
    "other pictures of the condition, aim 0.5 with real photos."
)


def gap_closed(of_result: Features, of_input: Features, of_photos: Features) -> float | None:
    """Return the share of the gap that a result closes; see the top of this file.

    Args:
        of_result: [n, D], n at least 2.
        of_input: [n, D].
        of_photos: [m, D], m at least 2.

    Returns:
        None where chance alone may part the inputs from the photos: 0 lies in the interval of their distance.
    """
    if kid_interval(of_input, of_photos)[0] <= 0:
        return None
    start = kid(of_input, of_photos)
    return (start - kid(of_result, of_photos)) / start


def gap_figures(pictures: Sequence[PictureRef], photos: Sequence[Path], tell: Tell) -> MoreFigures:
    """Measure the gap that every row of an evaluation closes.

    Args:
        pictures: Of the evaluation; their outputs are the rows, the copied input among them.
        photos: Pictures of the condition to reach, real or rendered, all readable.
        tell: Called after each picture.
    """
    rows = list(pictures[0].outputs)
    if min(len(pictures), len(photos)) < MIN_PICTURES:
        reason = f"needs at least {MIN_PICTURES} pictures and as many photos, got {len(pictures)} and {len(photos)}"
        return {row: {_NAME: _figure(None, len(pictures), reason)} for row in rows}
    paths = [*photos, *(picture.outputs[row] for row in rows for picture in pictures)]
    features = _features(paths, tell)
    of_photos, *parts = np.split(features, range(len(photos), len(features), len(pictures)))
    of_rows = dict(zip(rows, parts, strict=True))
    count = min(len(pictures), len(photos))
    found = {}
    for row, of_row in of_rows.items():
        value = gap_closed(of_row, of_rows[COPY_INPUT], of_photos)
        reason = "the inputs are no further from the photos than by chance" if value is None else ""
        found[row] = {_NAME: _figure(value, count, reason)}
    return found


def _features(paths: Sequence[Path], tell: Tell) -> NDArray[np.float32]:
    """Return the features of pictures, [n, D]."""
    net = feature_net(_NET)

    def of_picture(path: Path) -> NDArray[np.float32]:
        return net.features(read_picture(path)[None])  # [1, D]

    return np.concatenate(list(map_pictures(of_picture, paths, threads=None, tell=tell)))


def _figure(value: float | None, count: int, reason: str) -> Figure:
    return Figure(_NAME, "", "higher", value, None, None, count, reason or "no interval", _DEFINITION)
