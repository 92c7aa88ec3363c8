"""Edges kept: how many of the input's edges are still edges in the output, whatever the brightness.

Both pictures are normalised locally, so darkening by itself costs nothing. An edge is a maximum of the gradient along
its own direction, as in Canny (TPAMI 1986), after a small blur. No threshold on the gradient is right by day and by
night; instead the strongest edge pixels are taken, a fixed share of the picture in the input and half as many again in
the output. So an output that is full of noise does not win: its noise displaces the edges. An edge is kept where the
output has one of its direction (the same or a neighbouring one of eight bins over half a turn) not more than a few
pixels away, as in the matching of Martin et al. (TPAMI 2004).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from onestep.evaluation.measures.luminance import local_normalised
from onestep.evaluation.measures.pixels import Picture, check_pair

EDGE_SHARE: Final = 0.04
"""Share of the input's pixels that count as edges, the strongest."""
_OUTPUT_MARGIN: Final = 1.5
_TOLERANCE: Final = 1 / 144
"""Distance at which an edge still matches, as a part of the shorter side: 2 px of 288."""
_BLUR_PX: Final = 1.4
_FAINTEST: Final = 0.05
"""Gradients of the normalised luminance below this are flat ground."""
_DIRECTIONS: Final = 8

_Mask = NDArray[np.bool_]


def edges_kept(source: Picture, output: Picture) -> float:
    """Return the share of the input's edge pixels that the output keeps.

    Args:
        source: uint8 [H, W, 3], RGB.
        output: The same shape.

    Returns:
        In [0, 1]; 1 for equal pictures, NaN where the input has no edges. Unrelated pictures reach about 0.2.

    Raises:
        InputError: They are no such pictures, or differ in size.
    """
    import cv2

    check_pair(source, output)
    wanted = round(EDGE_SHARE * source.shape[0] * source.shape[1])
    of_source = _strongest_edges(source, wanted)
    of_output = _strongest_edges(output, round(_OUTPUT_MARGIN * wanted))
    total = sum(int(edges.sum()) for edges in of_source)
    if total == 0:
        return float("nan")
    radius = max(round(min(source.shape[:2]) * _TOLERANCE), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    near = [cv2.dilate(edges.astype(np.uint8), disc) > 0 for edges in of_output]
    kept = sum(
        int((edges & (near[index - 1] | near[index] | near[(index + 1) % _DIRECTIONS])).sum())
        for index, edges in enumerate(of_source)
    )
    return kept / total


def _strongest_edges(picture: Picture, count: int) -> list[_Mask]:
    """Return the `count` strongest edge pixels, one mask [H, W] for each direction of the gradient mod half a turn."""
    import cv2

    smooth = cv2.GaussianBlur(local_normalised(picture), (0, 0), _BLUR_PX)
    across = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
    down = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    strength = np.hypot(across, down)
    angle = np.arctan2(down, across) % np.pi
    edges = _ridges(strength, angle) & (strength > _FAINTEST)
    strengths = strength[edges]
    if len(strengths) > count:
        edges &= strength >= np.partition(strengths, -count)[-count]
    direction = (angle / np.pi * _DIRECTIONS).astype(np.int8) % _DIRECTIONS
    return [edges & (direction == index) for index in range(_DIRECTIONS)]


def _ridges(strength: NDArray[np.floating], angle: NDArray[np.floating]) -> _Mask:
    """Mark the pixels that are as strong as both neighbours along the gradient."""
    padded = np.pad(strength, 1)
    height, width = strength.shape
    sector = np.rint(angle / (np.pi / 4)).astype(np.int8) % 4
    ridges = np.zeros(strength.shape, np.bool_)
    for index, (dx, dy) in enumerate(((1, 0), (1, 1), (0, 1), (-1, 1))):
        ahead = padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        behind = padded[1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]
        ridges |= (sector == index) & (strength >= ahead) & (strength > behind)
    return ridges
