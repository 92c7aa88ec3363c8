"""Brings pictures to the size of a training: scaled, cropped, flipped, by a name that says how.

| name | what it does |
| --- | --- |
| `resize_256`, `resize_512x288` | scale to that size, whatever the aspect |
| `resized_crop_512`, `resized_crop_512x288` | scale until the size is just covered, then cut out the middle |
| `randomcrop_256`, `randomcrop_512x288` | cut out a random window of that size |
| `resize_286_randomcrop_256x256` | scale, then cut out a random window |
| `no_resize` | leave the picture as it is |

`_hflip` after any of them flips half of the pictures. One number means a square. The filter is Lanczos.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from onestep.errors import InputError, SettingError
from onestep.frame_size import FrameSize

_SIZE = r"\d{1,5}(?:x\d{1,5})?"
_NAME = re.compile(
    rf"(?:no_resize|resized_crop_(?P<covered>{_SIZE})|randomcrop_(?P<window>{_SIZE})"
    rf"|resize_(?P<scaled>{_SIZE})(?:_randomcrop_(?P<scaled_window>{_SIZE}))?)(?P<flip>_hflip)?"
)


@dataclass(frozen=True)
class Preparation:
    """How pictures come to size; see the table at the top of this module.

    Attributes:
        name: The name that says it.
        scaled: Size to scale to, before any crop.
        crop: Size of the window that is cut out.
        covers: Whether the picture is first scaled until the window is just covered.
        window: Where the window lies.
        flip: Whether half of the pictures are flipped.
    """

    name: str
    scaled: FrameSize | None = None
    crop: FrameSize | None = None
    covers: bool = False
    window: Literal["middle", "random"] = "middle"
    flip: bool = False

    def __post_init__(self) -> None:
        if self.scaled and self.crop and (self.crop.width > self.scaled.width or self.crop.height > self.scaled.height):
            raise SettingError(
                f"{self.name} scales to {self.scaled} and then cuts {self.crop} out of it, which is larger. "
                f"Scale to {self.crop} or more."
            )

    @property
    def size(self) -> FrameSize | None:
        """Size of the result in pixels; None where it is each picture's own."""
        return self.crop or self.scaled

    @property
    def scales(self) -> bool:
        """Whether pictures of any size come to one before a window is cut out."""
        return self.covers or self.scaled is not None

    def check_size(self, size: FrameSize, *, of: object) -> None:
        """Raise InputError if a picture of this size is below the crop; `of` names it."""
        if self.crop and (size.width < self.crop.width or size.height < self.crop.height):
            raise InputError(
                f"{of} is {size}, below the crop of {self.crop} that {self.name} cuts. Leave the picture out, or "
                f"choose a smaller crop, or resize_{self.crop}, which scales up."
            )

    def check_pair(self, source: FrameSize, target: FrameSize, *, of: object) -> None:
        """Raise InputError if the pictures of a pair would come to show different places; `of` names them.

        They do where they differ in size and stay so, or in aspect and lose their margins.
        """
        if source != target and not self.scales:
            raise InputError(
                f"{of} differ in size and {self.name} leaves it so ({source}, {target}). "
                "Choose a preparation that scales, such as resize_256."
            )
        if self.covers and not have_one_aspect(source, target):
            raise InputError(
                f"{of} differ in aspect ({source}, {target}), and {self.name} cuts other margins off each. "
                "Crop them alike, or take them out."
            )

    def prepare(self, picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Prepare one picture.

        Args:
            picture: `[H, W, 3]`, RGB.
            rng: Source of what is random. Two pictures of one size that are prepared with the same state of it get the
                same window and flip.

        Returns:
            `[h, w, 3]`, contiguous.

        Raises:
            InputError: The picture is below the crop.
        """
        down, right, flipped = rng.random(3)
        image = Image.fromarray(picture)
        self.check_size(FrameSize(*image.size), of="The picture")
        image = self._cropped(self._scaled_image(image), down, right)
        rows = np.asarray(image)
        return np.ascontiguousarray(rows[:, ::-1] if self.flip and flipped < 0.5 else rows)

    def deterministic(self) -> Preparation:
        """Return the same without chance, for validation: windows lie in the middle and nothing is flipped."""
        return replace(self, window="middle", flip=False)

    def _scaled_image(self, image: Image.Image) -> Image.Image:
        size = self.scaled
        if self.crop and self.covers:
            factor = max(self.crop.width / image.width, self.crop.height / image.height)
            size = FrameSize(
                max(round(image.width * factor), self.crop.width), max(round(image.height * factor), self.crop.height)
            )
        if size is None or size == image.size:
            return image
        return image.resize(size, Image.Resampling.LANCZOS)

    def _cropped(self, image: Image.Image, down: float, right: float) -> Image.Image:
        if self.crop is None:
            return image
        free_right, free_down = image.width - self.crop.width, image.height - self.crop.height
        if self.window == "middle":
            left, top = round(free_right / 2), round(free_down / 2)
        else:
            left, top = int(right * (free_right + 1)), int(down * (free_down + 1))
        return image.crop((left, top, left + self.crop.width, top + self.crop.height))


def preparation(name: str | Preparation) -> Preparation:
    """Read the name of a preparation, such as `resized_crop_512` or `resize_512x288_hflip`.

    Raises:
        SettingError: It names none.
    """
    if isinstance(name, Preparation):
        return name
    match = _NAME.fullmatch(name)
    if match is None:
        raise SettingError(
            f"{name!r} is not a preparation of pictures. Known: resize_SIZE, resized_crop_SIZE, randomcrop_SIZE, "
            "resize_SIZE_randomcrop_SIZE, no_resize; SIZE is 256 or 512x288; each may end in _hflip."
        )
    window = match["window"] or match["scaled_window"]
    return Preparation(
        name,
        scaled=_size(match["scaled"]),
        crop=_size(match["covered"] or window),
        covers=match["covered"] is not None,
        window="random" if window else "middle",
        flip=match["flip"] is not None,
    )


def have_one_aspect(source: FrameSize, target: FrameSize) -> bool:
    """Tell whether the aspects are the same to within a pixel of the smaller picture."""
    expected = source.width * target.height / source.height
    return abs(expected - target.width) <= max(1.0, target.width / source.width)


def _size(text: str | None) -> FrameSize | None:
    if text is None:
        return None
    width, _, height = text.partition("x")
    size = FrameSize(int(width), int(height or width))
    if min(size) < 1:
        raise SettingError(f"{text} is no size for a picture: both sides need 1 pixel or more.")
    return size
