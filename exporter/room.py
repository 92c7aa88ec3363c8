"""What an export needs, known from the base's files before any of them is loaded: a fitting size, and memory."""

import json
import math
from collections.abc import Iterable
from pathlib import Path

from safetensors import SafetensorError, safe_open

from onestep.errors import ExportError
from onestep.frame_size import FrameSize, checked_multiple
from onestep.machine_memory import available_bytes
from onestep.training.generator import multiple_of_levels
from onestep.training.part_files import weight_files

_NETWORKS = ("unet", "vae")
_BYTES_PER_WEIGHT = 9.9
_BYTES_PER_PIXEL = 4096
"""Both were measured on SD-Turbo's architecture in fp16 at 512x512: 950 million weights and a peak of 10.4 GB, when
ONNX Runtime proves the graph: the graph's weights, the same in float32, and again in the order its kernels like."""


def weight_count(folder: Path, parts: Iterable[str] = _NETWORKS) -> int:
    """Return how many weights a base's UNet and VAE, or other parts, have, from the headers of their files.

    Args:
        folder: In diffusers' layout. A file that cannot be read counts nothing: loading it will say why.
    """
    files = (path for part in parts for path in weight_files(folder / part))
    return sum(_weights_in(path) for path in files)


def check_foreseen(folder: Path, size: FrameSize | None) -> None:
    """Find out before anything is loaded whether a generator on a base can be exported here.

    Args:
        folder: Of the base or the generator. What cannot be read of it is left to the loader, which says why.
        size: Frame size in pixels; None counts the weights alone.

    Raises:
        SettingError: The size is no multiple of the generator's; the message names the nearest that are.
        ExportError: The export would not fit into this machine's free memory.
    """
    multiple = _multiple(folder)
    if size is not None and multiple is not None:
        checked_multiple(size, multiple, what="This generator")
    needed = weight_count(folder) * _BYTES_PER_WEIGHT + (size.pixels if size else 0) * _BYTES_PER_PIXEL
    free = available_bytes()
    if needed > free:
        at = f" at {size}" if size else ""
        raise ExportError(
            f"Exporting a generator on {folder}{at} needs about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} "
            "GB are free. Close other programs, choose a smaller --size, or export on a machine with more memory: the "
            "bundle runs anywhere."
        )


def _multiple(folder: Path) -> int | None:
    """Return the multiple of frame sizes that the networks' settings say, None where they cannot be read."""
    try:
        settings = (json.loads((folder / part / "config.json").read_text(encoding="utf-8")) for part in ("vae", "unet"))
        return multiple_of_levels(*(len(each["block_out_channels"]) for each in settings))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _weights_in(path: Path) -> int:
    try:
        with safe_open(str(path), framework="np") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 - no dict
    except (SafetensorError, OSError):
        return 0
