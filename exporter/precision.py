"""The generator in the precision that the graph shall have.

TensorRT 11 and every strongly typed backend compute in the types that the graph names, so the types are made here. In
an fp16 graph the step and the UNet's last convolution stay float32: the step is a difference of two near-equal numbers
and amplifies the error of the predicted noise about fifteen times.
"""

import copy

import torch
from torch import Tensor, nn

from onestep.training.generator import GeneratorNetwork

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}


class Float32Island(nn.Module):
    """Compute one module in float32 inside a network of another precision.

    Args:
        inner: The module, in float32.
        result_dtype: What the network takes back; None leaves float32.
    """

    def __init__(self, inner: nn.Module, *, result_dtype: torch.dtype | None) -> None:
        super().__init__()
        self.inner = inner.float()
        self.result_dtype = result_dtype

    def forward(self, hidden: Tensor) -> Tensor:
        """Apply the module to `hidden`, any shape and dtype."""
        result: Tensor = self.inner(hidden.float())
        return result if self.result_dtype is None else result.to(self.result_dtype)


def generator_in(precision: str, generator: GeneratorNetwork) -> GeneratorNetwork:
    """Return a float32 generator in `fp32`, which is itself, or a copy of it in `fp16`.

    The result's `forward` takes and returns the dtype of `DTYPES[precision]`.
    """
    if precision == "fp32":
        return generator
    converted = _copy_as(DTYPES[precision], generator)
    converted.unet.conv_out = Float32Island(copy.deepcopy(generator.unet.conv_out), result_dtype=None)
    return converted


def _copy_as(dtype: torch.dtype, generator: GeneratorNetwork) -> GeneratorNetwork:
    """Copy a generator in another dtype without a second copy in its own on the way."""
    tensors = (*generator.parameters(), *generator.buffers())
    converted = {id(tensor): _converted(tensor, dtype) for tensor in tensors}
    return copy.deepcopy(generator, converted).eval()


def _converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    data = tensor.detach().to(dtype) if tensor.is_floating_point() else tensor.detach().clone()
    return nn.Parameter(data, requires_grad=False) if isinstance(tensor, nn.Parameter) else data
