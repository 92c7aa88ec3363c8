"""Detail of a video's frames: kept from reading a slot to writing it, and put into the frame for the encoder."""

from typing import Final

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from onestep.frame_size import FrameSize
from onestep.runtime.detail import add_detail, contrast_slope
from onestep.runtime.placement import Placement
from onestep.runtime.slots import Slot
from onestep.runtime.video.colour import output_tags, swscale_matrix, swscale_range, tags_of
from onestep.runtime.video.orientation import Orientation

_LUMA_FIRST: Final = frozenset(
    {"yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p", "nv12", "nv21", "gray"}
)
"""Formats of 8 bits whose first plane is the luma."""


class VideoDetail:
    """Keeps each slot's source frame until its result is written; at most as many as there are slots.

    Args:
        placement: Where in the network's frame the source's picture lies.
        orientation: How stored frames turn upright.
    """

    def __init__(self, placement: Placement, orientation: Orientation | None) -> None:
        self._placement, self._orientation = placement, orientation or Orientation()
        self._seen = FrameSize(*self._orientation.size(*placement.size))
        self._scaler = VideoReformatter()
        self._frames: dict[int, av.VideoFrame] = {}

    def keep(self, slot: Slot, frame: av.VideoFrame) -> None:
        """Remember which frame was put into a slot; what the slot held before is forgotten."""
        self._frames[id(slot)] = frame

    def add(self, slot: Slot, result: av.VideoFrame) -> None:
        """Add the detail of a slot's source frame to the enlarged result.

        Args:
            slot: What went into the network and came out of it.
            result: 8-bit YUV frame of the source's stored size; its luma is changed in place.
        """
        source = self._frames.pop(id(slot))
        slope = contrast_slope(self._placement.inside(slot.input), self._placement.inside(slot.output))
        stored = self._orientation.stored(slope[..., None])[..., 0]  # type: ignore[arg-type]
        luma, source_luma = _luma(result), _luma(self._alike(source, result))
        add_detail(luma, source_luma, np.ascontiguousarray(stored, np.float32), self._seen)

    def _alike(self, source: av.VideoFrame, result: av.VideoFrame) -> av.VideoFrame:
        """Return a frame of 8 bits, of the result's size and range, whose first plane is the source's luma."""
        size = (result.width, result.height)
        if source.format.name in _LUMA_FIRST and (source.width, source.height) == size:
            return source
        seen = tags_of(source)
        written = output_tags(seen, *size)
        return self._scaler.reformat(
            source,
            *size,
            result.format.name,
            src_colorspace=swscale_matrix(seen, *size),
            dst_colorspace=swscale_matrix(written, *size),
            src_color_range=swscale_range(seen),
            dst_color_range=swscale_range(written),
            threads=1,
        )


def _luma(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """View the first plane as `[H, W]`; the view keeps the frame alive."""
    plane = frame.planes[0]
    shape, strides = (frame.height, frame.width), (plane.line_size, 1)
    return np.ndarray(shape, dtype=np.uint8, buffer=memoryview(plane), strides=strides)
