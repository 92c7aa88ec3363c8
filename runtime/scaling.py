"""Pictures from one size to another, RGB to RGB."""

import av
import numpy as np

from onestep.runtime.slots import Pixels
from onestep.runtime.video.convert import RgbFromFrame, Scaling


class RgbScaler:
    """Scaler between RGB arrays. Keeps its filter between pictures of the same sizes; use one per thread."""

    def __init__(self, scaling: Scaling = "bicubic") -> None:
        self._converter = RgbFromFrame(scaling=scaling)

    def into(self, picture: Pixels, out: Pixels) -> None:
        """Scale a picture into an array that the caller owns; the same size is a plain copy.

        Args:
            picture: [h, w, 3] uint8, RGB.
            out: [h', w', 3] uint8, overwritten; need not be contiguous.
        """
        if picture.shape == out.shape:
            np.copyto(out, picture)
        else:
            is_rows = picture.strides[0] > 0 and picture.strides[1:] == (3, 1)  # not upside down, as FFmpeg needs it
            rows = picture if is_rows else picture.copy()
            self._converter.into(av.VideoFrame.from_numpy_buffer(rows), out)
