"""Steadier video: each result is blended with the one before it, moved along the picture's motion.

Motion is that of the input, by OpenCV's dense inverse search (Kroeger et al. 2016), forwards and backwards at half the
network's size. Where both agree and the moved input looks like the input, the result before is trusted (the masks of
Lai et al. 2018 and Ruder et al. 2016); where they do not, something came into view. At a cut everything starts anew.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from onestep.runtime.opencv import opencv
from onestep.runtime.slots import Pixels

Floats = NDArray[np.float32]

LARGEST_SHARE: Final = 0.6
"""How much the result before counts where it is trusted fully."""
FLOW_REDUCTION: Final = 2
"""The motion is found at the network's size divided by this."""
SMALLEST_SIDE: Final = 24
"""Pixels that a picture needs each way: OpenCV finds no motion in smaller ones."""
CUT_TRUST: Final = 0.25
"""Mean trust in the motion below which there was a cut."""
_FLOW_LEEWAY_PX: Final = 1.0
_COLOUR_LEEWAY: Final = 24.0


class Smoother:
    """Holds the picture before and its result. Give it frames in their order; use one per video."""

    def __init__(self) -> None:
        cv2 = opencv()

        self._flow: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._grey: NDArray[np.uint8] | None = None
        self._result: Pixels | None = None
        self._grids: dict[tuple[int, int], Floats] = {}

    def apply(self, source: Pixels, translated: Pixels) -> None:
        """Blend a result with the one before it.

        Args:
            source: [h, w, 3] uint8, RGB: what the network saw; of the same size each time, `SMALLEST_SIDE` at least.
            translated: [h, w, 3] uint8, RGB: what it made of it; changed in place.
        """
        cv2 = opencv()

        size = (source.shape[1] // FLOW_REDUCTION, source.shape[0] // FLOW_REDUCTION)
        grey = cv2.resize(cv2.cvtColor(source, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        if self._grey is not None and self._result is not None:
            self._blend(self._grey, grey, self._result, translated)
        self._grey, self._result = grey, translated.copy()

    def _blend(self, before: NDArray[np.uint8], grey: NDArray[np.uint8], result: Pixels, translated: Pixels) -> None:
        cv2 = opencv()

        back = self._flow.calc(grey, before, None)  # where each pixel was
        forth = self._flow.calc(before, grey, None)
        places = self._grid(grey) + back
        moved = cv2.remap(before, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        change = cv2.absdiff(grey, moved).astype(np.float32)
        gap = np.linalg.norm(back + cv2.remap(forth, places, None, cv2.INTER_LINEAR), axis=-1)
        inside = (places >= 0).all(-1) & (places <= np.array(grey.shape[::-1], np.float32) - 1).all(-1)
        trust = np.clip(1.0 - change / _COLOUR_LEEWAY, 0, 1) * np.clip(1.5 - gap / _FLOW_LEEWAY_PX, 0, 1) * inside
        if float(trust.mean()) < CUT_TRUST:
            return
        size = (translated.shape[1], translated.shape[0])
        share = LARGEST_SHARE * cv2.resize(cv2.blur(trust.astype(np.float32), (3, 3)), size)
        full = self._grid(translated) + FLOW_REDUCTION * cv2.resize(back, size)
        warped = cv2.remap(result, full, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        translated[:] = cv2.blendLinear(warped, np.ascontiguousarray(translated), share, 1.0 - share)

    def _grid(self, picture: NDArray[np.uint8]) -> Floats:
        """Return each pixel's own place, [h, w, 2] float32, (x, y); made once for each of the two sizes."""
        height, width = picture.shape[:2]
        if (height, width) not in self._grids:
            columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
            self._grids[height, width] = np.stack([columns, rows], axis=-1)
        return self._grids[height, width]
