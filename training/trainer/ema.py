"""The moving average of the trained weights (Polyak and Juditsky 1992): what is validated, sampled and shipped."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """Follow parameters with an exponential moving average.

    Args:
        parameters: What is followed, by name.
        decay: Weight of the past; the first steps use less, (1 + step) / (10 + step). With 0 the average is the
            parameters themselves.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self._parameters = dict(parameters)
        self._decay = decay
        self.values = {name: tensor.detach().clone() for name, tensor in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the parameters after a step, counted from 0."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, tensor in self._parameters.items():
            self.values[name].lerp_(tensor, 1.0 - decay)

    @torch.no_grad()
    def load(self, values: Mapping[str, Tensor]) -> None:
        """Take over a saved average."""
        for name, tensor in self.values.items():
            tensor.copy_(values[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the network while the block runs; nothing is copied."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for name, tensor in self._parameters.items():
            tensor.data, self.values[name] = self.values[name], tensor.data
