"""On what an evaluation was made: machine, threads, versions."""

import os
import platform
from typing import Final

from onestep.library_versions import installed_version
from onestep.usable_cores import usable_cores

_LIBRARIES: Final = (
    "onestep",
    "numpy",
    "torch",
    "opencv-python-headless",
    "scikit-image",
    "onnxruntime",
    "onnxruntime-gpu",
    "tensorrt",
    "av",
    "lpips",
    "dists-pytorch",
)


def environment() -> dict[str, str]:
    """Return machine and versions as texts; libraries that are not installed are left out."""
    cores = usable_cores()
    return {
        "machine": f"{platform.system()} {platform.machine()}, {cores} cores",
        "load before the run": f"{os.getloadavg()[0]:.2f} (one minute)",
        "python": platform.python_version(),
        **{name: number for name in _LIBRARIES if (number := installed_version(name)) is not None},
    }
