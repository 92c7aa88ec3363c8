"""The same random window out of several views of one scene, and out of the flow between them."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from onestep.frame_size import FrameSize


@dataclass(frozen=True)
class Window:
    """A part of a picture, scaled to a size and flipped or not."""

    top: int
    left: int
    rows: int
    columns: int
    flipped: bool
    size: FrameSize

    @classmethod
    def random(
        cls, picture: FrameSize, size: FrameSize, rng: np.random.Generator, *, scales: tuple[float, float]
    ) -> "Window":
        """Draw a window of the aspect of `size`.

        Args:
            picture: Size of the whole picture.
            size: Size that the window is scaled to.
            rng: Source of randomness.
            scales: Smallest and largest window side as multiples of `size`, as far as the picture goes.
        """
        whole = min(picture.height / size.height, picture.width / size.width)
        smallest, largest = (min(scale, whole) for scale in scales)
        scale = rng.uniform(smallest, largest)
        rows, columns = round(size.height * scale), round(size.width * scale)
        top, left = rng.integers(0, picture.height - rows + 1), rng.integers(0, picture.width - columns + 1)
        return cls(int(top), int(left), rows, columns, bool(rng.random() < 0.5), size)

    def image(self, view: NDArray[np.uint8]) -> Tensor:
        """Cut `[H, W, 3] uint8` and return `[3, h, w]` in [-1, 1]."""
        return self._scaled(torch.from_numpy(self._cut(view)).permute(2, 0, 1).float() / 127.5 - 1.0)

    def flow(self, flow: NDArray[np.float16]) -> Tensor:
        """Cut `[H, W, 2]` in pixels and return `[h, w, 2]` in pixels of the scaled window."""
        scaled = self._scaled(torch.from_numpy(self._cut(flow)).permute(2, 0, 1).float())
        across = self.size.width / self.columns * (-1.0 if self.flipped else 1.0)
        factors = torch.tensor([across, self.size.height / self.rows])
        return scaled.permute(1, 2, 0) * factors

    def corners(self, picture: FrameSize) -> Tensor:
        """Return the window's left, top, right and bottom edge, `[4] float32`: a whole picture is from -1 to 1.

        Of a flipped window they are those in the flipped picture.
        """
        left = picture.width - self.left - self.columns if self.flipped else self.left
        edges = torch.tensor([left, self.top, left + self.columns, self.top + self.rows], dtype=torch.float32)
        return 2.0 * edges / torch.tensor([picture.width, picture.height] * 2) - 1.0

    def _cut(self, view: NDArray[np.generic]) -> NDArray[np.generic]:
        part = view[self.top : self.top + self.rows, self.left : self.left + self.columns]
        return (part[:, ::-1] if self.flipped else part).copy()

    def _scaled(self, planes: Tensor) -> Tensor:
        shape = (self.size.height, self.size.width)
        if planes.shape[-2:] == shape:
            return planes
        return F.interpolate(planes[None], shape, mode="bilinear", antialias=True, align_corners=False)[0]
