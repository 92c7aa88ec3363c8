"""Ways from the network's size back to the video's, to be held against each other."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from onestep.frame_size import FrameSize
from onestep.runtime.detail import FLAT_VARIANCE, add_detail_rgb, contrast_slope
from onestep.runtime.scaling import RgbScaler
from onestep.runtime.slots import Pixels
from onestep.runtime.video.convert import Scaling

_WINDOW = (5, 5)
"""The square that the guided filter's fit looks at, in pixels of the network."""


@dataclass(frozen=True)
class Given:
    """What a way up knows. All are `[h, w, 3] uint8`, RGB."""

    source: Pixels
    """The picture at full size."""
    seen: Pixels
    """The same at the network's size."""
    made: Pixels
    """What the network made of it, at its size."""


WayUp = Callable[[Given], Pixels]
"""To a picture of the source's size."""


def scaled(picture: Pixels, like: Pixels, scaling: Scaling) -> Pixels:
    """Scale a picture to the size of another one by libswscale, as the runtime does."""
    result = np.empty_like(like)
    _scaler(scaling).into(picture, result)
    return result


@cache
def _scaler(scaling: Scaling) -> RgbScaler:
    return RgbScaler(scaling)


def bicubic(given: Given) -> Pixels:
    """Enlarge the result."""
    return scaled(given.made, given.source, "bicubic")


def lanczos(given: Given) -> Pixels:
    """Enlarge the result with the sharper filter, as `--no-detail` does."""
    return scaled(given.made, given.source, "lanczos")


def guided(given: Given) -> Pixels:
    """Take all of the picture from a local linear map of the source's luma (fast guided filter, He and Sun 2015)."""
    guide, size = _luma(given.seen), (given.source.shape[1], given.source.shape[0])
    mean_guide = _mean(guide)
    variance = np.maximum(_mean(guide * guide) - mean_guide**2, 0.0) + FLAT_VARIANCE
    full_guide = _luma(given.source)
    channels = []
    for channel in np.moveaxis(given.made.astype(np.float32), 2, 0):
        mean = _mean(channel)
        slope = (_mean(guide * channel) - mean_guide * mean) / variance
        full_slope, full_offset = (cv2.resize(_mean(part), size) for part in (slope, mean - slope * mean_guide))
        channels.append(full_slope * full_guide + full_offset)
    return np.clip(np.rint(np.stack(channels, axis=2)), 0, 255).astype(np.uint8)


def bicubic_and_detail(given: Given) -> Pixels:
    """Enlarge the result and add the detail that the source lost."""
    return _detailed(bicubic(given), given)


def lanczos_and_detail(given: Given) -> Pixels:
    """Do so with the sharper filter: what the runtime does."""
    return _detailed(lanczos(given), given)


WAYS_UP: Final[dict[str, WayUp]] = {
    "bicubic": bicubic,
    "lanczos": lanczos,
    "guided": guided,
    "bicubic-and-detail": bicubic_and_detail,
    "lanczos-and-detail": lanczos_and_detail,
}


def _detailed(enlarged: Pixels, given: Given) -> Pixels:
    seen = FrameSize(given.seen.shape[1], given.seen.shape[0])
    add_detail_rgb(enlarged, given.source, contrast_slope(given.seen, given.made), seen)
    return enlarged


def _luma(picture: Pixels) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def _mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.blur(values, _WINDOW), np.float32)
