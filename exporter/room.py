"""How much memory an export takes, known from the base's files before any of them is loaded."""

import math
from pathlib import Path

from safetensors import SafetensorError, safe_open

from onestep.errors import ExportError
from onestep.frame_size import FrameSize
from onestep.machine_memory import available_bytes

_NETWORKS = ("unet", "vae")
_BYTES_PER_WEIGHT = 9.9
_BYTES_PER_PIXEL = 4096
"""Both were measured on SD-Turbo's architecture in fp16 at 512x512: 950 million weights and a peak of 10.4 GB, when
ONNX Runtime proves the graph: the graph's weights, the same in float32, and again in the order its kernels like."""


def weight_count(folder: Path) -> int:
    """Return how many weights a base's UNet and VAE have, from the headers of their files.

    Args:
        folder: In diffusers' layout. A file that cannot be read counts nothing: loading it will say why.
    """
    files = (path for part in _NETWORKS for path in (folder / part).glob("*.safetensors"))
    return sum(_weights_in(path) for path in files)


def check_memory(folder: Path, size: FrameSize | None) -> None:
    """Raise ExportError if an export of a generator on a base would not fit into this machine's free memory.

    Args:
        folder: Of the base or the generator.
        size: Frame size in pixels; None counts the weights alone.
    """
    needed = weight_count(folder) * _BYTES_PER_WEIGHT + (size.pixels if size else 0) * _BYTES_PER_PIXEL
    free = available_bytes()
    if needed > free:
        at = f" at {size}" if size else ""
        raise ExportError(
            f"Exporting a generator on {folder}{at} needs about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} "
            "GB are free. Close other programs, choose a smaller --size, or export on a machine with more memory: the "
            "bundle runs anywhere."
        )


def _weights_in(path: Path) -> int:
    try:
        with safe_open(str(path), framework="np") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 - no dict
    except (SafetensorError, OSError):
        return 0
