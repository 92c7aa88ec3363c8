"""Floating-point operations of one frame, counted on the module itself and split by part."""

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

from onestep.frame_size import FrameSize
from onestep.training.generator import GeneratorNetwork, OneStepGenerator
from onestep.training.vae_skips import SkipConvolutions

PARTS = {"encoder": ("vae.encoder", "vae.quant_conv"), "unet": ("unet",), "skips": ("skips",)}


def flops_per_frame(generator: GeneratorNetwork, size: FrameSize) -> dict[str, int]:
    """Count the operations of one frame; a multiply-add is two.

    Only matrix products and convolutions count, as in torch's own counter. The count is that of the module: the few
    products that the export folds into constants (time embedding, cross-attention keys and values) are in it, and a
    stochastic generator's low-rank branches are not.

    Args:
        generator: The generator; only its configuration is read.
        size: Frame size in pixels.

    Returns:
        Operations of `encoder`, `unet`, `decoder`, `skips`, and their `total`.
    """
    empty = _on_meta(generator)
    width = empty.unet.config.cross_attention_dim
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        empty(torch.empty(1, 3, size.height, size.width), torch.empty(1, 77, width))
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


def _on_meta(generator: GeneratorNetwork) -> OneStepGenerator:
    """Build the same architecture without memory for its weights."""
    with torch.device("meta"):
        return OneStepGenerator(
            vae=AutoencoderKL.from_config(generator.vae.config),
            unet=UNet2DConditionModel.from_config(generator.unet.config),
            skips=SkipConvolutions.from_config(generator.skips.config),
            step=generator.step,
            input_range=generator.input_range,
        )


def _under(counts: dict[str, int], name: str) -> int:
    """Sum a module's operations; where the module itself was never called, those of its called descendants."""
    if name in counts:
        return counts[name]
    below = [other for other in counts if other.startswith(f"{name}.")]
    tops = [other for other in below if not any(other.startswith(f"{parent}.") for parent in below)]
    return sum(counts[top] for top in tops)
