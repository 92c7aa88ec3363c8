"""Which size the graph computes at, and where in that frame the source's picture lies.

The size, once per session:

- A graph of one fixed size is used at that size.
- A graph of free sizes is used at exactly the size that was asked for, which must be in the graph's multiples.
- Without a size it is used at about the area of the bundle's preferred size, up to a fifth more or less, and among the
  multiples there at the aspect nearest to the source's: 960x540 and 1280x720 give 512x288 where that is preferred.

The place, once per source size:

- `fit` scales the source until it just fits, keeps its aspect, centres it, and repeats its edges over the rest. The
  result is cut out of the same place.
- `stretch` scales the source to the whole frame, whatever this does to its aspect.
- Without a word: `stretch` where the graph's sizes are free, none was asked for, and the aspect changes by 5 % at most;
  `fit` elsewhere.

A source that has the graph's size goes in and comes out as it is.
"""

import math
from dataclasses import dataclass
from typing import Literal

from onestep.bundle import FrameSizes
from onestep.errors import SettingError
from onestep.frame_size import FrameSize, checked_multiple
from onestep.runtime.slots import Pixels

Resize = Literal["fit", "stretch"]

_AREA_CHANGE = math.log(1.2)
_STRETCH_LIMIT = math.log(1.05)


@dataclass(frozen=True)
class Placement:
    """Where in a frame of the graph's size the source's picture lies, in pixels."""

    left: int
    top: int
    size: FrameSize
    """Width and height of the place."""

    def inside(self, frame: Pixels) -> Pixels:
        """Return a view of the place.

        Args:
            frame: [h, w, 3] uint8 of the graph's size.
        """
        return frame[self.top : self.top + self.size.height, self.left : self.left + self.size.width]

    def repeat_edges(self, frame: Pixels) -> None:
        """Fill everything around the place with the nearest pixel of its edge.

        Args:
            frame: [h, w, 3] uint8 of the graph's size, filled inside the place; changed outside of it.
        """
        right, bottom = self.left + self.size.width, self.top + self.size.height
        band = frame[self.top : bottom]
        band[:, : self.left] = band[:, self.left : self.left + 1]
        band[:, right:] = band[:, right - 1 : right]
        frame[: self.top] = frame[self.top]
        frame[bottom:] = frame[bottom - 1]


def chosen_size(frame: FrameSizes, *, size: FrameSize | None = None, source: FrameSize | None = None) -> FrameSize:
    """Return the size to run a bundle's graph at, by the policy at the top of this file.

    Args:
        frame: Which sizes the graph takes.
        size: The size that was asked for, if any.
        source: Size of the frames that will come, if known.

    Raises:
        SettingError: The graph does not take the size that was asked for.
    """
    if not frame.free:
        if size not in (None, frame.preferred):
            raise SettingError(
                f"The bundle's graph takes frames of {frame.preferred} only, and {size} was asked for. Leave the size "
                f"out, or export again with `--size {size}`."
            )
        return frame.preferred
    if size is not None:
        return checked_multiple(size, frame.multiple, what="The bundle's graph")
    return frame.preferred if source is None else _nearest_aspect(frame, source)


def place(source: FrameSize, model: FrameSize, resize: Resize) -> Placement:
    """Return where the picture of a source lies in the graph's frame.

    Args:
        source: Size of the source in pixels.
        model: Size of the graph's frame in pixels.
        resize: `fit` or `stretch`.
    """
    if resize == "stretch":
        return Placement(0, 0, model)
    scale = min(model.width / source.width, model.height / source.height)
    width = min(max(round(source.width * scale), 1), model.width)
    height = min(max(round(source.height * scale), 1), model.height)
    return Placement((model.width - width) // 2, (model.height - height) // 2, FrameSize(width, height))


def stretches_little(source: FrameSize, model: FrameSize) -> bool:
    """Tell whether scaling the source to the whole frame changes its aspect by 5 % at most."""
    return _aspect_change(source, model) <= _STRETCH_LIMIT


def _nearest_aspect(frame: FrameSizes, source: FrameSize) -> FrameSize:
    """Return the multiples whose area is about the preferred one's and whose aspect is nearest to the source's."""
    multiple, area = frame.multiple, frame.preferred.pixels
    candidates = [frame.preferred]
    for height in range(multiple, int(area * 1.2) // multiple + 1, multiple):
        width = min(max(height * source.width / source.height, area / 1.2 / height), area * 1.2 / height)
        for columns in (math.floor(width / multiple), math.ceil(width / multiple)):
            size = FrameSize(columns * multiple, height)
            if columns and abs(math.log(size.pixels / area)) <= _AREA_CHANGE:
                candidates.append(size)
    return min(candidates, key=lambda size: (_aspect_change(source, size), abs(math.log(size.pixels / area))))


def _aspect_change(source: FrameSize, model: FrameSize) -> float:
    return abs(math.log(source.width * model.height / (source.height * model.width)))
