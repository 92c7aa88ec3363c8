"""The adapted networks: which layers are trained, and that a merged checkpoint computes what training computed."""

from functools import cache
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn

from onestep.errors import CheckpointError
from onestep.training.adaptation.adapted import AdaptedGenerator, adapt_paired, adapt_unpaired
from onestep.training.adaptation.lora import add_adapters
from onestep.training.adaptation.targets import (
    PAIRED_UNET_TARGETS,
    VAE_TARGETS,
    skip_targets,
    unpaired_unet_targets,
)
from onestep.training.adaptation.to_checkpoint import checkpoint_of
from onestep.training.adaptation.trainable import count, trainable_tensors
from onestep.training.architectures import architecture
from onestep.training.base import Base, load_base, random_base
from onestep.training.base_hash import base_sha256
from onestep.training.checkpoints.checkpoint import Checkpoint, Direction
from onestep.training.checkpoints.fit import check_fits
from onestep.training.checkpoints.merge import merged_generator
from onestep.training.checkpoints.peft_names import targeted
from onestep.training.checkpoints.read import read_checkpoint
from onestep.training.checkpoints.safetensors_file import save_checkpoint
from onestep.training.find_base import find_base
from onestep.training.vae_skips import SkipConvolutions

SEED = 4
FLOAT32 = 1e-5


@torch.no_grad()
def as_if_trained(adapted: AdaptedGenerator) -> AdaptedGenerator:
    """Change every trained tensor, each by its own numbers."""
    random = torch.Generator().manual_seed(9)
    for name, tensor in trainable_tensors(adapted).items():
        size = 0.05 if "skips" in name else 0.01
        tensor.add_(size * torch.randn(tensor.shape, generator=random).to(tensor))
    return adapted


def embedded_base() -> Base:
    """The base that ships in the package: in float32, a random one amplifies the rounding of single pixels."""
    return load_base(find_base("tiny"))


@cache
def unpaired() -> AdaptedGenerator:
    """Both directions. Not to be changed."""
    return as_if_trained(adapt_unpaired(embedded_base(), unet_rank=16, vae_rank=4, seed=1))


@cache
def paired() -> AdaptedGenerator:
    """The paired generator, with a rank that differs from its alpha. Not to be changed."""
    return as_if_trained(adapt_paired(embedded_base(), unet_rank=16, vae_rank=4, seed=1))


def image() -> Tensor:
    """Two pictures in [-1, 1], `[2, 3, 32, 64]`."""
    return torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(5)) * 2 - 1


def checkpoint(adapted: AdaptedGenerator, path: Path) -> Checkpoint:
    """What was trained, written to a file and read again."""
    prompts: dict[Direction, str | None] = {direction: f"to {direction}" for direction in adapted.directions}
    known = base_sha256(embedded_base())
    trained = checkpoint_of(adapted, prompts=prompts, base="tiny", base_sha256=known, licence="MIT")
    save_checkpoint(trained, path)
    return read_checkpoint(path)


def test_a_base_of_the_same_name_with_other_weights_is_refused(tmp_path: Path) -> None:
    trained, base = checkpoint(paired(), tmp_path / "trained.safetensors"), embedded_base()
    assert base.name == trained.base
    check_fits(trained, base)
    with torch.no_grad():
        next(base.text_encoder.parameters()).add_(0.5)
    with pytest.raises(CheckpointError, match=r"on a base tiny with other weights than tiny has here .*--base"):
        check_fits(trained, base)


def test_a_base_and_its_half_precision_variant_are_one() -> None:
    base = random_base("tiny", seed=3)
    whole = base_sha256(base)
    base.half()
    assert base_sha256(base) == whole != base_sha256(random_base("tiny", seed=4))


@pytest.mark.parametrize(("kind", "direction"), [("unpaired", "a2b"), ("unpaired", "b2a"), ("paired", "paired")])
def test_merged_equals_training(kind: str, direction: Direction, tmp_path: Path) -> None:
    adapted = unpaired() if kind == "unpaired" else paired()
    base = embedded_base()
    embedding = base.prompt_embedding("night")
    untouched = adapt_paired(embedded_base(), unet_rank=2, vae_rank=2, seed=1)
    packed = merged_generator(base, checkpoint(adapted, tmp_path / "trained.safetensors"), direction=direction)
    with torch.no_grad():
        trained = adapted(direction, image(), embedding)
        merged = packed.generator(image(), embedding)
        plain = untouched("paired", image() * 2 - 1 if kind == "unpaired" else image(), embedding)
    assert (trained.abs() < 1).float().mean() > 0.8
    assert (trained - plain).abs().max() > 0.05
    assert (trained - merged).abs().max() <= FLOAT32
    assert packed.card.prompt == f"to {direction}" and packed.card.base == "tiny"
    assert packed.card.checkpoint_licence == "MIT"
    assert packed.card.input_range == ((0.0, 1.0) if kind == "paired" else (-1.0, 1.0))


def test_the_directions_share_the_unet_and_nothing_else() -> None:
    adapted = unpaired()
    a2b, b2a = adapted.generator("a2b"), adapted.generator("b2a")
    assert a2b.unet is b2a.unet
    own = {id(tensor) for network in (a2b.vae, a2b.skips) for tensor in network.parameters()}
    assert not own & {id(tensor) for network in (b2a.vae, b2a.skips) for tensor in network.parameters()}


def test_new_directions_begin_equal_and_as_the_base() -> None:
    base = random_base("tiny", seed=SEED)
    embedding = base.prompt_embedding("")
    adapted = adapt_unpaired(base, unet_rank=2, vae_rank=2, seed=1)
    with torch.no_grad():
        assert torch.equal(adapted("a2b", image(), embedding), adapted("b2a", image(), embedding))
        tensors = [tensor for name, tensor in trainable_tensors(adapted).items() if "lora_B" in name]
    assert tensors and all(not tensor.any() for tensor in tensors)


def test_the_first_factors_depend_on_the_seed_alone() -> None:
    def factors(seed: int) -> Tensor:
        adapted = adapt_paired(random_base("tiny", seed=SEED), unet_rank=2, vae_rank=2, seed=seed)
        return next(tensor for name, tensor in trainable_tensors(adapted).items() if "lora_A" in name)

    state = torch.random.get_rng_state()
    first = factors(1)
    torch.manual_seed(99)
    assert torch.equal(first, factors(1)) and not torch.equal(first, factors(2))
    torch.random.set_rng_state(state)
    before = torch.rand(1)
    torch.random.set_rng_state(state)
    factors(1)
    assert torch.equal(before, torch.rand(1))


def test_every_part_of_what_is_trained_gets_a_gradient_once() -> None:
    adapted = adapt_unpaired(random_base("tiny", seed=SEED), unet_rank=2, vae_rank=2, seed=1)
    as_if_trained(adapted)
    embedding = torch.randn(1, 77, 32, generator=torch.Generator().manual_seed(1))
    fake = adapted("a2b", image(), embedding)
    (adapted("b2a", fake, embedding) - image()).abs().mean().backward()
    tensors = trainable_tensors(adapted)
    without = [name for name, tensor in tensors.items() if tensor.grad is None]
    assert not without
    assert len({id(tensor) for tensor in tensors.values()}) == len(tensors)
    frozen = [name for name, tensor in adapted.named_parameters() if not tensor.requires_grad]
    assert all("lora" not in name for name in frozen)
    whole = [name for name in tensors if "lora" not in name]
    assert sum("skips.convs" in name for name in whole) == 8
    assert [name for name in whole if "skips" not in name] == [
        "generators.a2b.unet.conv_in.base_layer.weight",
        "generators.a2b.unet.conv_in.base_layer.bias",
    ]


def test_checkpointed_activations_change_neither_result_nor_gradient_nor_names() -> None:
    embedding = torch.randn(1, 77, 32, generator=torch.Generator().manual_seed(1))

    def run(*, checkpointed: bool) -> tuple[Tensor, dict[str, Tensor]]:
        adapted = as_if_trained(adapt_paired(random_base("tiny", seed=SEED), unet_rank=2, vae_rank=2, seed=1)).train()
        if checkpointed:
            adapted.checkpoint_activations()
        result = adapted("paired", image(), embedding)
        result.square().mean().backward()
        return result.detach(), {n: t.grad for n, t in trainable_tensors(adapted).items() if t.grad is not None}

    (plain, gradients), (again, gradients_again) = run(checkpointed=False), run(checkpointed=True)
    assert torch.equal(plain, again)
    assert list(gradients) == list(gradients_again)
    assert all(torch.allclose(gradients[name], gradients_again[name], rtol=1e-5, atol=1e-9) for name in gradients)


def test_the_layers_of_sd_turbo_are_those_that_were_published() -> None:
    parts = architecture("sd-turbo")
    with torch.device("meta"):
        unet, vae = UNet2DConditionModel(**parts.unet), AutoencoderKL(**parts.vae)
        skips = SkipConvolutions.for_vae(vae)
    names = unpaired_unet_targets(unet)
    assert {adapter: len(layers) for adapter, layers in names.items()} == {
        "default_encoder": 94,
        "default_decoder": 147,
        "default_others": 17,
    }
    assert not any("norm" in name or "time_emb" in name for layers in names.values() for name in layers)
    adaptable = {name for name, m in unet.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    assert len(targeted(adaptable, PAIRED_UNET_TARGETS)) == 257
    in_vae = targeted([name for name, m in vae.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)], VAE_TARGETS)
    assert len(in_vae) + len(skip_targets(skips)) == 74
    assert not any("quant_conv" in name for name in in_vae)


def test_sd_turbo_trains_as_many_numbers_as_the_published_default() -> None:
    from onestep.training.adaptation.lora import Adapter

    parts = architecture("sd-turbo")
    with torch.device("meta"):
        unet, vae = UNet2DConditionModel(**parts.unet), AutoencoderKL(**parts.vae)
        adapters = [Adapter(n, t, rank=128, alpha=128.0) for n, t in unpaired_unet_targets(unet).items()]
        add_adapters(unet, adapters, seed=0)
        add_adapters(vae, [Adapter("vae_skip", VAE_TARGETS, rank=4, alpha=8.0)], seed=0)
    assert count(unet) == pytest.approx(129.78e6, rel=1e-4)
    skips_low_rank = 4 * sum(a + b for a, b in ((512, 512), (256, 512), (128, 512), (128, 256)))
    assert count(vae) + skips_low_rank == pytest.approx(0.893e6, rel=1e-3)
