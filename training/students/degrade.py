"""What other cameras and codecs do to a frame: exposure and colours, sharpening, noise that changes, JPEG."""

import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from onestep.training.augment import DAY_MIDDLE, random_look

OTHER_CAMERA_SHARE = 0.5
"""Not always: what a washed-out scene looks like can only be guessed, and a student that always guesses is dull."""
STRONGEST_SHARPENING = 1.2
STRONGEST_NOISE = 0.035
LOWEST_QUALITY, HIGHEST_QUALITY = 35, 95


def maybe_another_camera(image: Tensor, seed: int, *, middle: float = DAY_MIDDLE) -> Tensor:
    """Show a picture as another camera would have taken it, half of the time; the same camera for the same seed.

    Its noise is not in it: that is of a moment, and no result should have it.

    Args:
        image: `[3, H, W]` in [-1, 1].
        seed: Of the camera.
        middle: See `random_look`.

    Returns:
        A picture of the same shape and range.
    """
    rng = np.random.default_rng(seed)
    return random_look(image, rng, middle=middle) if rng.random() < OTHER_CAMERA_SHARE else image


def random_degradation(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Sharpen, disturb and compress a picture, each with some probability.

    Args:
        image: `[3, H, W]` in [-1, 1].
        rng: Source of randomness.

    Returns:
        A picture of the same shape and range.
    """
    if rng.random() < 0.4:
        image = _sharpened(image, float(rng.uniform(0.2, STRONGEST_SHARPENING)))
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0.0, STRONGEST_NOISE))
        image = image + 2.0 * torch.from_numpy(noise)
    image = image.clamp(-1.0, 1.0)
    return compressed(image, int(rng.integers(LOWEST_QUALITY, HIGHEST_QUALITY + 1))) if rng.random() < 0.5 else image


def compressed(image: Tensor, quality: int) -> Tensor:
    """Send `[3, H, W]` in [-1, 1] through JPEG of a quality from 1 to 95."""
    levels = (image * 127.5 + 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "JPEG", quality=quality)
    decoded = np.array(Image.open(buffer))
    return torch.from_numpy(decoded).permute(2, 0, 1).float() / 127.5 - 1.0


def _sharpened(image: Tensor, amount: float) -> Tensor:
    soft = F.avg_pool2d(F.pad(image[None], (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    return image + amount * (image - soft)
