"""Floating-point operations of one frame, counted on the module itself and split by part."""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from onestep.exporter.extra_inputs import extra_inputs
from onestep.frame_size import FrameSize
from onestep.training.generator import GeneratorNetwork
from onestep.training.students.generator import AnyGenerator

_Module = TypeVar("_Module", bound=nn.Module)

PARTS = {"encoder": ("vae.encoder", "vae.quant_conv"), "unet": ("unet",), "skips": ("skips",)}


def flops_per_frame(generator: AnyGenerator, size: FrameSize) -> dict[str, int]:
    """Count the operations of one frame; a multiply-add is two.

    Only matrix products and convolutions count, as in torch's own counter. The count is that of the module: the few
    products that the export folds into constants (time embedding, cross-attention keys and values) are in it.

    Args:
        generator: The generator; its weights are neither read nor copied.
        size: Frame size in pixels.

    Returns:
        Operations of `encoder`, `unet`, `decoder`, `skips`, and their `total`; of a student the `total` only.
    """
    empty = _on_meta(generator)
    if not isinstance(empty, GeneratorNetwork):
        return _student_flops(empty, size)
    width = empty.unet.config.cross_attention_dim
    extra = [torch.empty(*given.shape, device="meta") for given in extra_inputs(generator, size)]
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        empty(torch.empty(1, 3, size.height, size.width), torch.empty(1, 77, width), *extra)
    counts = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    root = type(empty).__name__
    parts = {part: sum(_under(counts, f"{root}.{name}") for name in names) for part, names in PARTS.items()}
    total = counts[root]
    return {
        "encoder": parts["encoder"],
        "unet": parts["unet"],
        "decoder": total - sum(parts.values()),
        "skips": parts["skips"],
        "total": total,
    }


def _student_flops(empty: nn.Module, size: FrameSize) -> dict[str, int]:
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        empty(torch.empty(1, 3, size.height, size.width), torch.empty(1, 1, 1))
    return {"total": counter.get_total_flops()}


def _on_meta(generator: _Module) -> _Module:
    """Copy a generator without memory for its weights."""
    tensors = (*generator.parameters(), *generator.buffers())
    return copy.deepcopy(generator, {id(tensor): _empty(tensor) for tensor in tensors})


def _empty(tensor: Tensor) -> Tensor:
    empty = torch.empty_like(tensor, device="meta")
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty


def _under(counts: dict[str, int], name: str) -> int:
    """Sum a module's operations; where the module itself was never called, those of its called descendants."""
    if name in counts:
        return counts[name]
    below = [other for other in counts if other.startswith(f"{name}.")]
    tops = [other for other in below if not any(other.startswith(f"{parent}.") for parent in below)]
    return sum(counts[top] for top in tops)
