"""What happens to a pair of pictures before the network sees them.

Geometry changes both sides alike. Appearance changes the input only: a translator that has seen one clean camera takes
another camera's exposure, white balance, blur and noise for a property of the scene.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from onestep.frame_size import FrameSize

DAY_MIDDLE = 0.5
"""Middle of the brightness of pictures by day, of a range of 1."""
_NIGHT_MIDDLE = 0.15


def middle_of(condition: str) -> float:
    """Return the middle of the brightness, of a range of 1, of pictures under a condition of rendered scenes.

    A contrast around the day's makes a night black.
    """
    return _NIGHT_MIDDLE if condition in ("night", "dark") else DAY_MIDDLE


def random_crops(views: Sequence[NDArray[np.uint8]], *, size: FrameSize, rng: np.random.Generator) -> list[Tensor]:
    """Cut the same random window out of each view and flip all alike, half of the time.

    Args:
        views: Pictures of one view, each `[H, W, 3] uint8`.
        size: Size of the result in pixels; its aspect is the window's.
        rng: Source of randomness.

    Returns:
        One `[3, h, w] float32` in [-1, 1] per view.
    """
    height, width = views[0].shape[:2]
    largest = min(height / size.height, width / size.width)
    factor = rng.uniform(min(1.0, largest), largest)
    rows, columns = round(size.height * factor), round(size.width * factor)
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    flipped = rng.random() < 0.5
    cut = [view[top : top + rows, left : left + columns] for view in views]
    return [_resized(piece[:, ::-1] if flipped else piece, size) for piece in cut]


def _resized(picture: NDArray[np.uint8], size: FrameSize) -> Tensor:
    image = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1.0
    if image.shape[-2:] != (size.height, size.width):
        image = F.interpolate(image, (size.height, size.width), mode="bilinear", antialias=True)
    return image[0]


def random_camera(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Make a picture look as if another camera had taken it, with noise of its own; see `random_look`."""
    light = (random_look(image, rng) + 1.0) / 2.0
    light = light + torch.from_numpy(rng.normal(0.0, rng.uniform(0.0, 0.035), light.shape)).float()
    return light.clamp(0.0, 1.0) * 2.0 - 1.0


def random_look(image: Tensor, rng: np.random.Generator, *, middle: float = DAY_MIDDLE) -> Tensor:
    """Make a picture look as another camera shows such a scene: what is the same in all of its frames.

    Args:
        image: `[3, H, W]` in [-1, 1].
        rng: Source of randomness.
        middle: Brightness, of a range of 1, that contrast turns around; haze is half as bright again.

    Returns:
        The same, with random exposure, white balance, contrast, saturation, haze, blur and vignetting.
    """
    light = ((image + 1.0) / 2.0).clamp(min=0.0)  # rounding leaves values just below 0, which have no power
    light = light ** float(rng.uniform(0.7, 1.45))
    gains = torch.tensor(rng.uniform(0.88, 1.12, (3, 1, 1)), dtype=torch.float32)
    light = light * gains * float(rng.uniform(0.75, 1.2))
    grey = light.mean(0, keepdim=True)
    light = grey + (light - grey) * float(rng.uniform(0.5, 1.5))
    light = middle + (light - middle) * float(rng.uniform(0.75, 1.2))
    light = light + (1.5 * middle - light) * float(rng.uniform(0.0, 0.2)) * (rng.random() < 0.4)
    light = _vignetted(light, float(rng.uniform(0.0, 0.3)))
    if rng.random() < 0.5:
        light = _blurred(light, float(rng.uniform(0.3, 1.3)))
    return light.clamp(0.0, 1.0) * 2.0 - 1.0


def _vignetted(light: Tensor, strength: float) -> Tensor:
    rows = torch.linspace(-1.0, 1.0, light.shape[1])[:, None]
    columns = torch.linspace(-1.0, 1.0, light.shape[2])[None]
    return light * (1.0 - strength * (rows**2 + columns**2) / 2.0)


def _blurred(light: Tensor, sigma: float) -> Tensor:
    taps = torch.exp(-0.5 * (torch.arange(-3, 4) / sigma) ** 2)
    taps = (taps / taps.sum()).expand(light.shape[0], 1, 1, 7)
    padded = F.pad(light[None], (3, 3, 3, 3), mode="reflect")
    rows = F.conv2d(padded, taps, groups=light.shape[0])
    return F.conv2d(rows, taps.transpose(2, 3), groups=light.shape[0])[0]
