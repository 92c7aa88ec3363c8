"""Pixels between video frames and RGB arrays: one libswscale pass each way, which scales and converts at once.

Measured on one core of a server CPU, 960x540 yuv420p: to RGB 512x512 bicubic 1.3 ms (bilinear 1.0, area 1.1,
lanczos 2.3), to RGB of its own size 0.3 ms; RGB 512x512 to yuv420p 960x540 bicubic 0.9 ms.
"""

from typing import Final, Literal

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from onestep.errors import SettingError
from onestep.runtime.video.colour import ColourTags, swscale_matrix, swscale_range, tags_of
from onestep.runtime.video.orientation import Orientation

Scaling = Literal["bilinear", "bicubic", "area", "lanczos"]
"""All four average over the source pixels when they shrink a picture, so none of them aliases."""

WAY_UP: Final[Scaling] = "lanczos"
"""Enlarges what the network made. With the source's detail it came nearer to the truth than bicubic with it, and than
either without (`benchmarks/detail.py`), for about a tenth of a millisecond more at 960x540."""

_FILTERS: Final[dict[Scaling, Interpolation]] = {
    "bilinear": Interpolation.BILINEAR,
    "bicubic": Interpolation.BICUBIC,
    "area": Interpolation.AREA,
    "lanczos": Interpolation.LANCZOS,
}


class RgbFromFrame:
    """Converter from decoded frames to RGB arrays. Keeps its scaler between frames; use one per thread."""

    def __init__(self, orientation: Orientation | None = None, *, scaling: Scaling = "bicubic") -> None:
        """Prepare a converter.

        Args:
            orientation: How stored pictures turn upright (`VideoInfo.orientation`); `None` leaves them as stored.
            scaling: Filter for pictures whose size changes.
        """
        self._orientation = orientation or Orientation()
        self._filter = _filter(scaling)
        self._scaler = VideoReformatter()

    def into(self, frame: av.VideoFrame, out: NDArray[np.uint8]) -> None:
        """Scale and convert a decoded frame into an array that the caller owns.

        Matrix and range come from the frame's own tags, by size where it has none. The aspect ratio follows `out`.
        Bit depths above 8 are dithered down.

        Args:
            frame: Decoded frame of any size, pixel format and bit depth.
            out: uint8 `[h, w, 3]`, RGB, writable; need not be contiguous. Overwritten, upright.

        Raises:
            SettingError: `out` is not a uint8 array of shape `[h, w, 3]`.
        """
        _check_rgb(out)
        tags = tags_of(frame)
        matrix = swscale_matrix(tags, frame.width, frame.height)
        width, height = self._orientation.size(out.shape[1], out.shape[0])
        converted = self._scaler.reformat(
            frame,
            width,
            height,
            "rgb24",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            interpolation=self._filter,
            src_color_range=swscale_range(tags),
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        np.copyto(out, self._orientation.upright(_pixels(converted)))


class FrameFromRgb:
    """Converter from RGB arrays to frames for an encoder. Keeps its scaler between frames; use one per thread."""

    def __init__(
        self,
        width: int,
        height: int,
        pixel_format: str,
        *,
        tags: ColourTags,
        orientation: Orientation | None = None,
        scaling: Scaling = "bicubic",
    ) -> None:
        """Prepare a converter.

        Args:
            width: Stored width of the frames in pixels, before any turn.
            height: Stored height of the frames in pixels, before any turn.
            pixel_format: YUV format that the encoder takes, such as `yuv420p`.
            tags: Colour tags of the output; they choose matrix and range.
            orientation: How stored pictures turn upright; the arrays are upright and get turned back.
            scaling: Filter for pictures whose size changes.
        """
        self._size = (width, height)
        self._pixel_format = pixel_format
        self._matrix = swscale_matrix(tags, width, height)
        self._range = swscale_range(tags)
        self._orientation = orientation or Orientation()
        self._filter = _filter(scaling)
        self._scaler = VideoReformatter()

    def frame(self, rgb: NDArray[np.uint8]) -> av.VideoFrame:
        """Scale and convert an upright RGB array into a new frame; the array is free again when this returns.

        Args:
            rgb: uint8 `[h, w, 3]` of any size, RGB.

        Raises:
            SettingError: `rgb` is not a uint8 array of shape `[h, w, 3]`.
        """
        _check_rgb(rgb)
        stored = np.ascontiguousarray(self._orientation.stored(rgb))
        return self._scaler.reformat(
            av.VideoFrame.from_numpy_buffer(stored),
            *self._size,
            self._pixel_format,
            src_colorspace=self._matrix,
            dst_colorspace=self._matrix,
            interpolation=self._filter,
            src_color_range=ColorRange.JPEG,
            dst_color_range=self._range,
            threads=1,
        )


def _filter(scaling: Scaling) -> Interpolation:
    if scaling not in _FILTERS:
        raise SettingError(f"Unknown scaling {scaling!r}. Expected one of: {', '.join(_FILTERS)}.")
    return _FILTERS[scaling]


def _check_rgb(array: NDArray[np.uint8]) -> None:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise SettingError(f"A picture must be uint8 [h, w, 3], got {array.dtype} {list(array.shape)}.")


def _pixels(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """View an rgb24 frame as `[h, w, 3]`; the view keeps the frame alive."""
    plane = frame.planes[0]
    shape = (frame.height, frame.width, 3)
    return np.ndarray(shape, dtype=np.uint8, buffer=memoryview(plane), strides=(plane.line_size, 3, 1))
