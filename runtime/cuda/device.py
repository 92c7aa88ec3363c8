"""Which GPU this is."""

from dataclasses import dataclass
from pathlib import Path

from onestep.runtime.cuda.calls import Cuda, version_text

_DRIVER_VERSION = Path("/sys/module/nvidia/version")


@dataclass(frozen=True)
class Gpu:
    """The first GPU of a machine."""

    name: str
    compute_capability: str
    """Such as `8.9`."""
    memory_mib: int
    driver: str
    """Release of the driver, such as `580.65.06`; empty where the system does not say."""
    cuda: str
    """Highest CUDA version that the driver supports, such as `13.0`."""


def compute_capability(cuda: Cuda) -> str:
    """Return the first GPU's compute capability, such as `8.9`."""
    attributes = cuda.api.cudaDeviceAttr
    parts = (attributes.cudaDevAttrComputeCapabilityMajor, attributes.cudaDevAttrComputeCapabilityMinor)
    return ".".join(str(cuda.call("cudaDeviceGetAttribute", part, 0)) for part in parts)


def first_gpu(cuda: Cuda) -> Gpu:
    """Describe the first GPU.

    Raises:
        BackendError: CUDA cannot say; there is no GPU, or no driver.
    """
    name = cuda.call("cudaGetDeviceProperties", 0).name
    return Gpu(
        name=name.decode().rstrip("\0") if isinstance(name, bytes) else str(name),
        compute_capability=compute_capability(cuda),
        memory_mib=cuda.memory_mib()[1],
        driver=_DRIVER_VERSION.read_text().strip() if _DRIVER_VERSION.exists() else "",
        cuda=version_text(cuda.call("cudaDriverGetVersion")),
    )
