"""A checkpoint and its base become a plain generator: W + scale * B A, for linear layers and convolutions alike."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from onestep.training.base import Base
from onestep.training.checkpoints.checkpoint import Checkpoint, Direction, PartWeights
from onestep.training.checkpoints.fit import check_fits
from onestep.training.folder import GeneratorCard, PackedGenerator
from onestep.training.generator import GeneratorNetwork, OneStep, OneStepGenerator
from onestep.training.stochastic import StochasticGenerator
from onestep.training.strength_layers import add_branches, difference_branch, low_rank_branch
from onestep.training.vae_skips import SkipConvolutions


def merged_generator(
    base: Base,
    checkpoint: Checkpoint,
    *,
    direction: Direction | None = None,
    prompt: str | None = None,
    domain: str | None = None,
) -> PackedGenerator:
    """Make the generator of one direction; nothing of peft is needed to make or to run it.

    Args:
        base: The base that the checkpoint was trained on, in float32 or wider. Its UNet and VAE are adapted in place
            and become the generator's, so that a large base is in memory once: load it again for another generator.
        checkpoint: What was trained.
        direction: Which way to translate; None where the checkpoint has one only.
        prompt: Its text; None takes the one that the checkpoint stores.
        domain: Name of the translation; None takes the file's name.

    Returns:
        The generator in eval mode. A stochastic one keeps its low-rank branches, which its strength scales.

    Raises:
        CheckpointError: It has no such direction or prompt, or does not go with the base; the base is unchanged then.
        GeneratorError: The base predicts something else than the noise.
    """
    chosen = checkpoint.chosen_direction(direction)
    text = checkpoint.chosen_prompt(chosen, prompt)
    step = OneStep.from_scheduler(base.scheduler)
    check_fits(checkpoint, base)
    skips = SkipConvolutions.for_vae(base.vae)
    weights = checkpoint.directions[chosen]
    adapt, kind = _HOW[checkpoint.kind == "stochastic"]
    for network, part in ((base.unet, checkpoint.unet), (base.vae, weights.vae), (skips, weights.skips)):
        adapt(network, part)
    generator = kind(vae=base.vae, unet=base.unet, skips=skips, step=step, input_range=checkpoint.input_range)
    card = GeneratorCard(
        domain=domain or checkpoint.name,
        direction=chosen,
        prompt=text,
        base=base.name,
        base_licence=base.licence,
        checkpoint_licence=checkpoint.licence,
        skip_channels=list(skips.config["in_channels"]),
        input_range=checkpoint.input_range,
        preferred_size=checkpoint.preferred_size or base.preferred_size,
        stochastic=kind is StochasticGenerator,
    )
    return PackedGenerator(generator.eval().requires_grad_(False), card, base)


@torch.no_grad()
def _fold(network: nn.Module, part: PartWeights) -> None:
    """Put a part's weights into a network, in place."""
    _replace(network, part)
    for name, pair in part.pairs.items():
        weight = cast(Tensor, network.get_submodule(name).weight)
        product = pair.up.to(weight.dtype).flatten(1) @ pair.down.to(weight.dtype).flatten(1)
        weight.add_(product.view_as(weight), alpha=part.scale)


@torch.no_grad()
def _put_beside(network: nn.Module, part: PartWeights) -> None:
    """Put a part's weights into branches of a network's layers, in place."""
    _replace(network, part)
    branches: dict[str, nn.Module] = {}
    for name, pair in part.pairs.items():
        layer = network.get_submodule(name)
        dtype = cast(Tensor, layer.weight).dtype
        branches[name] = low_rank_branch(layer, pair.down.to(dtype), pair.up.to(dtype) * part.scale)
    for name in sorted({tensor_name.rpartition(".")[0] for tensor_name in part.full_at_strength}):
        layer = cast(nn.Conv2d, network.get_submodule(name))
        weight, bias = (part.full_at_strength[f"{name}.{kind}"].to(layer.weight) for kind in ("weight", "bias"))
        assert layer.bias is not None
        branches[name] = difference_branch(layer, weight - layer.weight, bias - layer.bias)
    add_branches(network, branches)


def _replace(network: nn.Module, part: PartWeights) -> None:
    tensors = network.state_dict()
    for name, tensor in part.full.items():
        tensors[name].copy_(tensor)


_HOW: dict[bool, tuple[Callable[[nn.Module, PartWeights], None], type[GeneratorNetwork]]] = {
    False: (_fold, OneStepGenerator),
    True: (_put_beside, StochasticGenerator),
}
"""How weights are put into a network, and what it becomes: by whether the generator is stochastic."""
