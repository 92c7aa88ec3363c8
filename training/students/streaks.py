"""Rain in front of a student's result: drops that fall anew in each frame, in a graph that remembers nothing.

Where a drop is seen nobody can tell from the frame, so a network that is trained on rain learns their mean, a haze.
Here they are drawn: a pattern that has no border, from the renderer of the scenes, laid over the result from a place
that the frame's own bytes decide. A camera's noise is enough to move it, a still picture always gets the same rain.
Drops add light, and a picture's numbers are about the square root of light.
"""

import torch
from torch import Tensor, nn

from onestep.scenes.streaks import streak_tile
from onestep.scenes.weather import RAIN_VEIL

TILE_ROWS, TILE_COLUMNS = 288, 512
_SEED = 7
_SLANT = 0.08
GRID = 8
"""Every so many pixels of a row and a column decide the place."""
_ROW_FACTOR, _COLUMN_FACTOR = 97, 389


class Streaks(nn.Module):
    """Lay streaks of rain over pictures.

    Args:
        density: 1 is heavy rain.
    """

    tile: Tensor
    light: Tensor

    def __init__(self, density: float) -> None:
        super().__init__()
        drawn = streak_tile(_SEED, TILE_ROWS, TILE_COLUMNS, slant=_SLANT, density=density)
        exact_in_float16 = torch.from_numpy(drawn).half().float()
        self.register_buffer("tile", exact_in_float16, persistent=False)
        self.register_buffer("light", torch.from_numpy(RAIN_VEIL)[:, None, None], persistent=False)

    def forward(self, picture: Tensor, frame: Tensor) -> Tensor:
        """Return the picture with rain in front of it.

        Args:
            picture: `[B, 3, H, W]` in [-1, 1].
            frame: What it was made from, the same shape; all pictures of a batch get the same rain.

        Returns:
            `[B, 3, H, W]` in [-1, 1].
        """
        some = ((frame[:, :, ::GRID, ::GRID] + 1.0) * 127.5).round()
        height, width = picture.shape[2:]
        light = self.over(self.place(some), height, torch.arange(width, device=frame.device))
        shown = (picture + 1.0) / 2.0
        return (shown * shown + light).sqrt().clamp(max=1.0) * 2.0 - 1.0

    @staticmethod
    def place(some: Tensor) -> tuple[Tensor, Tensor]:
        """Derive a row and a column from bytes of the frame, in integers, so that every precision finds the same.

        Args:
            some: The levels, whole numbers of 0 to 255, of every `GRID`-th pixel of each row and column.
        """
        total = some.to(torch.int64).sum()
        return total * _ROW_FACTOR % TILE_ROWS, total * _COLUMN_FACTOR % TILE_COLUMNS

    def over(self, place: tuple[Tensor, Tensor], height: int, columns: Tensor) -> Tensor:
        """Return the light that drops add to a picture.

        Args:
            place: Row and column from which on the pattern lies over the picture.
            height: Of the picture in pixels.
            columns: Which of its columns are asked for, `[n] int64`.

        Returns:
            `[3, height, n]`, of a range of 1.
        """
        row, column = place
        rows = (torch.arange(height, device=columns.device) + row) % TILE_ROWS
        return self.tile.index_select(0, rows).index_select(1, (columns + column) % TILE_COLUMNS) * self.light
