"""For few pictures: stronger augmentation before the preparation, and a warning in words.

With ten pictures a side a discriminator soon learns them by heart, and the generator with it. Flips, windows at another
scale and small changes of colour put that off; they do not prevent it.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from onestep.training.data.folders import PairedFolder, UnpairedFolder

FEW_BELOW: Final = 50

FewMode = Literal["auto", "on", "off"]


@dataclass(frozen=True)
class FewPictures:
    """Stronger augmentation.

    Attributes:
        smallest_share: Smallest window as a share of each side; it is scaled back to the picture's size.
        jitter: Brightness, contrast and saturation each change by up to this share.
    """

    smallest_share: float = 0.7
    jitter: float = 0.15

    def reshape(self, picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Cut out a random window, scale it back to the picture's size, flip half of the time.

        Args:
            picture: `[H, W, 3]`, RGB.
            rng: Source of randomness; the same state gives the same geometry at any size.

        Returns:
            `[H, W, 3]`.
        """
        share, right, down, flipped = rng.random(4)
        height, width = picture.shape[:2]
        share = self.smallest_share + (1.0 - self.smallest_share) * share
        left, top = right * width * (1.0 - share), down * height * (1.0 - share)
        box = (left, top, left + width * share, top + height * share)
        image = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS, box=box)
        rows = np.asarray(image)
        return np.ascontiguousarray(rows[:, ::-1] if flipped < 0.5 else rows)

    def recolour(self, picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Change brightness, contrast and saturation of `[H, W, 3]` a little."""
        image = Image.fromarray(picture)
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = enhance(image).enhance(float(rng.uniform(1.0 - self.jitter, 1.0 + self.jitter)))
        return np.array(image)


def few_pictures(folder: UnpairedFolder | PairedFolder, mode: FewMode = "auto") -> FewPictures | None:
    """Return the stronger augmentation if it is wanted: always, never, or below 50 pictures on the smaller side."""
    wanted = mode == "on" or (mode == "auto" and _fewest(folder) < FEW_BELOW)
    return FewPictures() if wanted else None


def few_warning(folder: UnpairedFolder | PairedFolder) -> str | None:
    """Return what to tell the user about the number of pictures, or None if there are enough."""
    count = _fewest(folder)
    if count >= FEW_BELOW:
        return None
    what = "pairs" if isinstance(folder, PairedFolder) else "pictures on the smaller side"
    return (
        f"There are only {count} training {what}. Below {FEW_BELOW} a model soon learns them by heart (overfitting). "
        "Watch the validation on pictures it never saw, stop when that gets worse, and prefer the best checkpoint to "
        "the last; stronger augmentation puts this off and does not prevent it."
    )


def _fewest(folder: UnpairedFolder | PairedFolder) -> int:
    if isinstance(folder, PairedFolder):
        return len(folder.train)
    return min(len(folder.train_a), len(folder.train_b))
