"""The device that a training runs on: whether it is there, and what it is fast at."""

from pathlib import Path

import torch

from onestep.errors import SettingError

_CPU_FACTS = Path("/proc/cpuinfo")
_BFLOAT16_UNIT = "amx_bf16"


def checked_device(name: str) -> torch.device:
    """Return a device that networks can be moved to.

    Args:
        name: As PyTorch names it: `cpu`, `cuda`, `cuda:1`.

    Raises:
        SettingError: There is no such device here.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as err:
        reason = str(err).partition("\n")[0]
        raise SettingError(
            f"PyTorch {torch.__version__} cannot compute on --device {name} here: {reason}. Use --device cpu, or "
            "install a build of PyTorch for that device."
        ) from err
    return device


def bfloat16_is_fast(name: str) -> bool:
    """Whether a device multiplies matrices of bfloat16 in a unit of its own: GPUs, and processors with AMX."""
    if torch.device(name).type != "cpu":
        return True
    return _CPU_FACTS.exists() and _BFLOAT16_UNIT in _CPU_FACTS.read_text(encoding="utf-8").split()
