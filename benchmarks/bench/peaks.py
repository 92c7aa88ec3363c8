"""The most memory that a row has in use while it is opened and first called."""

from bench.device_memory import device_free_bytes, give_back_device
from bench.memory import peak_bytes, resident_bytes, restart_peak


class Peaks:
    """Watches memory from now on.

    Args:
        device: `cpu` or `cuda`.
    """

    def __init__(self, device: str) -> None:
        self._on_gpu = device == "cuda"
        self._host_known = restart_peak()
        self._host_before = resident_bytes()
        if self._on_gpu:
            give_back_device()
            self._free_before = device_free_bytes()

    def host_bytes(self, shared_bytes: int) -> int | None:
        """Return the peak on the host; None where the system does not let a process restart its peak.

        Args:
            shared_bytes: Weights in use that were loaded before.
        """
        if not self._host_known:
            return None
        return peak_bytes() - self._host_before + (0 if self._on_gpu else shared_bytes)

    def device_bytes(self, shared_bytes: int) -> int | None:
        """Return what the device has less of, which its libraries keep for their next call; None without a GPU."""
        return self._free_before - device_free_bytes() + shared_bytes if self._on_gpu else None
