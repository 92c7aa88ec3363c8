"""The generator in the precision that the graph shall have.

TensorRT 11 and every strongly typed backend compute in the types that the graph names, so the types are made here. In
an fp16 graph the step and the UNet's last convolution stay float32: the step is a difference of two near-equal numbers
and amplifies the error of the predicted noise about fifteen times. So do modules whose numbers half precision cannot
hold (`half_range`).
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from onestep.training.generator import GeneratorNetwork
from onestep.training.students.generator import AnyGenerator

_Module = TypeVar("_Module", bound=nn.Module)

_G = TypeVar("_G", bound=AnyGenerator)

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
PARTS = {
    "vae.encoder": ("vae.encoder", "vae.quant_conv"),
    "vae.decoder": ("vae.decoder", "vae.post_quant_conv"),
    "skips": ("skips",),
}
"""Parts whose modules are called one by one (`encode_with_taps`, `decode_with_skips`), and what belongs to each."""
_LAST_LAYER = "unet.conv_out"


def compute_in_float32(module: nn.Module, *, result_dtype: torch.dtype | None) -> None:
    """Make a module of another precision's network take whatever comes, compute in float32, and hand its result on.

    Args:
        module: Changed in place.
        result_dtype: What the network takes back; None leaves float32.
    """
    module.float()
    _cast_inputs(module, torch.float32)
    if result_dtype is not None:
        module.register_forward_hook(lambda _, __, result: _cast(result, result_dtype))


def generator_in(precision: str, generator: _G, *, float32: Sequence[str] = ()) -> _G:
    """Return a float32 generator in `fp32`, which is itself, or a copy of it in `fp16`.

    The result's `forward` takes and returns the dtype of `DTYPES[precision]`, or float32 where a part stays that.

    Args:
        precision: A key of `DTYPES`.
        generator: In float32; left as it is.
        float32: Names of modules, or of `PARTS`, that compute in float32 all the same.
    """
    if precision == "fp32":
        return generator
    half = DTYPES[precision]
    converted = _copy_as(half, generator)
    last = [_LAST_LAYER] if isinstance(generator, GeneratorNetwork) else []
    for name in (*last, *(name for name in float32 if name not in PARTS)):
        exact = copy.deepcopy(generator.get_submodule(name))
        compute_in_float32(exact, result_dtype=None if name == _LAST_LAYER else half)
        converted.set_submodule(name, exact)
    if isinstance(generator, GeneratorNetwork) and isinstance(converted, GeneratorNetwork):
        _keep_parts(converted, generator, [name for name in float32 if name in PARTS])
    return converted


def graph_bytes(generator: AnyGenerator, precision: str) -> int:
    """Return about how many bytes the generator's weights take in a graph of a precision."""
    width = torch.empty((), dtype=DTYPES.get(precision, torch.float32)).element_size()
    return width * sum(parameter.numel() for parameter in generator.parameters())


def _keep_parts(converted: GeneratorNetwork, generator: GeneratorNetwork, parts: Sequence[str]) -> None:
    """Put whole parts back into float32, and let every module between parts take what it computes in."""
    if not parts:
        return
    for name in (name for part in parts for name in PARTS[part]):
        converted.set_submodule(name, copy.deepcopy(generator.get_submodule(name)))
    for module in _called_one_by_one(converted):
        parameter = next(module.parameters(), None)
        if parameter is not None:
            _cast_inputs(module, parameter.dtype)


def _called_one_by_one(generator: GeneratorNetwork) -> Iterable[nn.Module]:
    for part, *beside in PARTS.values():
        for child in generator.get_submodule(part).children():
            yield from child if isinstance(child, nn.ModuleList) else (child,)
        yield from (generator.get_submodule(name) for name in beside)
    yield generator.unet


def _cast_inputs(module: nn.Module, dtype: torch.dtype) -> None:
    module.register_forward_pre_hook(
        lambda _, args, kwargs: (_cast(args, dtype), _cast(kwargs, dtype)), with_kwargs=True
    )


def _cast(values: Any, dtype: torch.dtype) -> Any:
    """Return a structure of values with its floating-point tensors in a dtype."""

    def cast(value: Any) -> Any:
        return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value

    return tree_map(cast, values)


def _copy_as(dtype: torch.dtype, generator: _Module) -> _Module:
    """Copy a generator in another dtype without a second copy in its own on the way."""
    tensors = (*generator.parameters(), *generator.buffers())
    converted = {id(tensor): _converted(tensor, dtype) for tensor in tensors}
    return copy.deepcopy(generator, converted).eval()


def _converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    data = tensor.detach().to(dtype) if tensor.is_floating_point() else tensor.detach().clone()
    return nn.Parameter(data, requires_grad=False) if isinstance(tensor, nn.Parameter) else data
