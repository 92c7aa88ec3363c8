"""The processes of a run, one per GPU or several on CPUs, by accelerate: who writes, and what they share.

Gradients are averaged by hand after the last backward pass of a step. A wrapper that does it during the backward pass
expects one pass per step, and there are up to six here.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import cast

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor, nn

from onestep.errors import SettingError
from onestep.training.trainer.settings import MachineSettings

_PATIENCE = timedelta(hours=12)
"""The others wait while the first samples, validates and saves; the libraries' own is 10 minutes on GPUs."""


class Processes:
    """This process among those of the run."""

    def __init__(self, settings: MachineSettings) -> None:
        patience = InitProcessGroupKwargs(timeout=_PATIENCE)
        self._accelerator = Accelerator(cpu=settings.device == "cpu", mixed_precision="no", kwargs_handlers=[patience])
        self._precision = settings.precision

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        return int(self._accelerator.process_index)

    @property
    def count(self) -> int:
        """Number of processes."""
        return int(self._accelerator.num_processes)

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks."""
        return bool(self._accelerator.is_main_process)

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return torch.device(self._accelerator.device)

    def share_of(self, batch_size: int) -> int:
        """Return how many pictures of the global batch are this process's.

        Raises:
            SettingError: The batch cannot be divided evenly.
        """
        if batch_size % self.count:
            raise SettingError(
                f"A batch of {batch_size} cannot be divided among {self.count} processes. Choose a batch_size that is "
                f"a multiple of {self.count}."
            )
        return batch_size // self.count

    def wait(self) -> None:
        """Wait until all processes are here."""
        self._accelerator.wait_for_everyone()

    def means(self, scalars: Mapping[str, Tensor]) -> dict[str, float]:
        """Return the mean over all processes of each scalar."""
        stacked = torch.stack([scalar.detach().float().to(self.device) for scalar in scalars.values()])
        mean = cast(Tensor, self._accelerator.reduce(stacked, "mean"))
        return dict(zip(scalars, mean.tolist(), strict=True))

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over all processes."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.copy_(cast(Tensor, self._accelerator.reduce(parameter.grad, "mean")))

    @property
    def computes_in_bfloat16(self) -> bool:
        """Whether the generator computes in bfloat16."""
        return self._precision == "bf16"

    def autocast(self, device: torch.device) -> AbstractContextManager[None]:
        """Return the context in which the generator computes on a device: bfloat16 where that was chosen."""
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.computes_in_bfloat16)

    @contextmanager
    def numerics(self) -> Iterator[None]:
        """Set the precision of float32 products on GPUs while the block runs, and keep the global random state."""
        before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
        on_gpu = self.device.type == "cuda"
        if on_gpu:
            torch.set_float32_matmul_precision("highest" if self._precision == "fp32" else "high")
            torch.backends.cudnn.allow_tf32 = self._precision != "fp32"
        try:
            with torch.random.fork_rng(devices=[self.device.index or 0] if on_gpu else []):
                yield
        finally:
            if on_gpu:
                torch.set_float32_matmul_precision(before[0])
                torch.backends.cudnn.allow_tf32 = before[1]

    def close(self) -> None:
        """End the group of processes, and forget it, so that another run may begin in this interpreter."""
        self._accelerator.end_training()
        for state in (AcceleratorState, GradientState, PartialState):
            state._reset_state()
