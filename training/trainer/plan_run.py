"""The memory plan of a run that is put together but has not begun."""

from collections.abc import Callable, Iterable

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn

from onestep.frame_size import FrameSize
from onestep.training.adaptation.adapted import AdaptedGenerator
from onestep.training.adaptation.trainable import count
from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.objectives.objective import Translate
from onestep.training.trainer.activations import KeptBytes, kept_bytes
from onestep.training.trainer.memory_plan import GIB, MemoryPlan

Judge = Callable[[Tensor], object]
"""Takes `[1, 3, H, W]` in [-1, 1]; what it gives does not matter."""
_BYTES = 4
_MOMENTS = 2


def plan_run(
    generator: AdaptedGenerator,
    discriminators: nn.ModuleDict,
    *,
    frozen: Iterable[nn.Module],
    judges: Iterable[Judge],
    translate: Translate,
    size: FrameSize,
    text_shape: tuple[int, int],
    batch_size: int,
    moment_bytes: int,
    checkpoint_activations: bool,
    free: int,
) -> MemoryPlan:
    """Plan a run's memory.

    Args:
        generator: The adapted networks, before their activations are checkpointed.
        discriminators: What is trained beside them.
        frozen: Other networks in memory: trunks, perceptual networks, text encoders.
        judges: What one translated picture goes through at once: a discriminator, a perceptual distance.
        translate: The generator as the objective calls it, in its precision.
        size: Of the training pictures.
        text_shape: Of a prompt embedding, positions and width.
        batch_size: Pictures of this process.
        moment_bytes: Of each moment of the optimiser, of which there are two per trained number.
        checkpoint_activations: Whether the generator's activations are computed again.
        free: Bytes that the run may take.
    """
    frozen = list(frozen)
    networks: list[nn.Module] = [generator, discriminators, *frozen]
    device = next(generator.parameters()).device
    trained = count(generator) + count(discriminators)
    passes = 2 if len(generator.directions) > 1 else 1
    per_picture = _of_generator(generator, translate, size, text_shape).times(passes)
    weights = _unique(networks)
    discriminators.eval()  # in training mode a pass changes the estimates of the spectral norm
    for judge in judges:
        per_picture = per_picture.plus(_of_judge(judge, weights, size, device))
    discriminators.train()
    return MemoryPlan(
        weights=sum(tensor.untyped_storage().nbytes() for tensor in weights),
        gradients=_BYTES * trained,
        optimiser=moment_bytes * _MOMENTS * trained,
        average=_BYTES * count(generator),
        per_picture=per_picture,
        batch_size=batch_size,
        checkpoint_activations=checkpoint_activations,
        free=free,
    )


def limit_bytes(limit_gib: float | None, free: int) -> int:
    """Return the memory that a run may take: the given limit, or what is free."""
    return free if limit_gib is None else int(limit_gib * GIB)


def _of_generator(
    generator: AdaptedGenerator, translate: Translate, size: FrameSize, text_shape: tuple[int, int]
) -> KeptBytes:
    """Measure one direction on a small picture, and scale it to the pixels of a large one."""
    direction: Direction = generator.directions[0]
    one_way = generator.generator(direction)
    side = one_way.frame_multiple
    device = next(generator.parameters()).device
    image = torch.zeros(1, 3, side, side, device=device)
    text = torch.zeros(1, *text_shape, device=device)
    vae = one_way.vae
    blocks = [*vae.encoder.down_blocks, vae.encoder.mid_block, vae.decoder.mid_block, *vae.decoder.up_blocks]
    blocks += [m for m in one_way.unet.modules() if isinstance(m, ResnetBlock2D | Transformer2DModel)]
    kept = kept_bytes(lambda: translate(direction, image, text), weights=_unique([generator]), blocks=blocks)
    return kept.times(size.pixels / side**2)


def _of_judge(judge: Judge, weights: list[Tensor], size: FrameSize, device: torch.device) -> KeptBytes:
    """Measure a discriminator or a perceptual distance on one picture; its activations are always kept."""
    fake = torch.zeros(1, 3, size.height, size.width, device=device, requires_grad=True)
    kept = kept_bytes(lambda: judge(fake), weights=weights)
    return KeptBytes(kept.plain, kept.plain)


def _unique(networks: list[nn.Module]) -> list[Tensor]:
    """Return all parameters and buffers of some networks, each once."""
    tensors = (tensor for network in networks for tensor in (*network.parameters(), *network.buffers()))
    return list({id(tensor): tensor for tensor in tensors}.values())
