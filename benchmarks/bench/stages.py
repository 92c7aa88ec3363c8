"""Where the time of a call goes, and how often the UNet ran: forward hooks on the modules that really compute."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from bench.clock import Clock

UNET = "unet"


class Stages:
    """Collects where the time of one call goes.

    Args:
        clock: For the marks between the stages.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watched: list[tuple[str, nn.Module]] = []
        self._spans: list[tuple[str, Any, Any]] = []
        self.unet_calls = 0
        self.unet_evaluations = 0
        """Samples that went through the UNet: with guidance, two or three for each of its calls and frames."""

    def watch(self, name: str, module: nn.Module) -> None:
        """Time a module's forward calls as the stage `name`, and count them if that is the UNet."""
        self._watched.append((name, module))

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Forget the last call, and hold the hooks on the modules for the next: other rows use the same modules."""
        self._spans.clear()
        self.unet_calls = self.unet_evaluations = 0
        handles = [handle for name, module in self._watched for handle in self._hooks(name, module)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block as the stage `name`."""
        start = self._clock.mark()
        yield
        self._spans.append((name, start, self._clock.mark()))

    def milliseconds(self) -> dict[str, float]:
        """Return the time of each stage of the last call, which the device has finished."""
        total: dict[str, float] = {}
        for name, start, end in self._spans:
            total[name] = total.get(name, 0.0) + self._clock.milliseconds(start, end)
        return total

    def step_ms(self) -> float:
        """Return the mean time between one start of the UNet and the next; 0 where it started once or never."""
        starts = [start for name, start, _ in self._spans if name == UNET]
        return self._clock.milliseconds(starts[0], starts[-1]) / (len(starts) - 1) if len(starts) > 1 else 0.0

    def _hooks(self, name: str, module: nn.Module) -> list[RemovableHandle]:
        starts: list[Any] = []

        def before(_: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            starts.append(self._clock.mark())
            if name == UNET:
                self.unet_calls += 1
                self.unet_evaluations += int((arguments[0] if arguments else named["sample"]).shape[0])

        def after(*_: object) -> None:
            self._spans.append((name, starts.pop(), self._clock.mark()))

        return [
            module.register_forward_pre_hook(before, with_kwargs=True),
            module.register_forward_hook(after),
        ]
