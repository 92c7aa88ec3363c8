"""Merged generators against peft's own unmerged forward, on files in each published format."""

import dataclasses
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn

from onestep.training.architectures import architecture
from onestep.training.base import random_base
from onestep.training.checkpoints.merge import merged_generator
from onestep.training.checkpoints.peft_names import targeted
from onestep.training.checkpoints.read import read_checkpoint
from onestep.training.checkpoints.safetensors_file import save_checkpoint
from onestep.training.folder import PackedGenerator, load_generator, save_generator
from tests.training.published import PAIRED_TARGETS, SEED, VAE_TARGETS, Published, paired, unpaired

EXACT = 1e-7
"""In float64, where the order of the sums differs, and the scheduler adds a noise of 1e-10 to the latent."""
FLOAT32 = 1e-4
"""In float32 a random decoder amplifies the rounding of single pixels; a level of a byte is 8e-3."""
PROMPT = "driving in the night"
unpaired_once = cache(unpaired)
paired_once = cache(paired)


def image(*, width: int = 64, height: int = 32) -> Tensor:
    """A picture in [-1, 1], `[1, 3, H, W]`."""
    random = torch.Generator().manual_seed(5)
    return torch.rand(1, 3, height, width, generator=random, dtype=torch.float64) * 2 - 1


def embedding() -> Tensor:
    """The prompt on the untouched base."""
    return random_base("tiny", seed=SEED).prompt_embedding(PROMPT).double()


def merged(
    path: Path, direction: Literal["a2b", "b2a"] | None = None, *, dtype: torch.dtype = torch.float64
) -> PackedGenerator:
    """The file, merged into the base that it was made on."""
    base = random_base("tiny", seed=SEED)
    for network in (base.unet, base.vae):
        network.to(dtype)
    packed = merged_generator(base, read_checkpoint(path), direction=direction, prompt=PROMPT)
    packed.generator.to(dtype)
    return packed


def assert_adapted(ours: Tensor, theirs: Tensor, plain: Tensor) -> None:
    """Assert equality within the tolerance, between pictures where the adaptation shows and little is clamped."""
    assert (theirs.abs() < 1).float().mean() > 0.9
    assert (theirs - plain).abs().max() > 0.05
    assert (ours - theirs).abs().max() <= EXACT


@torch.no_grad()
def unadapted(theirs: Published, picture: Tensor, direction: str) -> Tensor:
    """What the published model gives with its adapters off."""
    networks = (theirs.unet, theirs.vaes[direction])
    for network in networks:
        network.disable_adapters()
    try:
        return theirs.translate(picture, embedding(), direction)
    finally:
        for network in networks:
            network.enable_adapters()


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_unpaired_equals_peft(direction: Literal["a2b", "b2a"], tmp_path: Path) -> None:
    theirs = unpaired_once()
    packed = merged(theirs.save(tmp_path / "day2night.pkl"), direction)
    assert packed.card.direction == direction and packed.card.domain == "day2night"
    assert packed.card.input_range == (-1.0, 1.0) and packed.card.preferred_size == (512, 512)
    ours = packed.generator(image(), embedding())
    assert_adapted(ours, theirs.translate(image(), embedding(), direction), unadapted(theirs, image(), direction))


def test_a_generator_prefers_the_size_that_it_was_trained_at(tmp_path: Path) -> None:
    read = read_checkpoint(unpaired_once().save(tmp_path / "day2night.pkl"))
    trained = dataclasses.replace(read, preferred_size=(96, 64))
    packed = merged_generator(random_base("tiny", seed=SEED), trained, direction="a2b", prompt=PROMPT)
    assert packed.card.preferred_size == (96, 64)


@pytest.mark.parametrize("rank", [8, 128])
def test_paired_equals_peft_on_pictures_from_0_to_1(rank: int, tmp_path: Path) -> None:
    theirs = paired_once(rank)
    packed = merged(theirs.save(tmp_path / "edge_to_image_loras.pkl"))
    assert packed.card.direction == "paired" and packed.card.input_range == (0.0, 1.0)
    own_range = image() * 0.5 + 0.5
    ours = packed.generator(image(), embedding())
    assert_adapted(ours, theirs.translate(own_range, embedding(), "paired"), unadapted(theirs, own_range, "paired"))


@pytest.fixture(scope="module")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the stochastic format."""
    return paired_once(16, stochastic=True).save(tmp_path_factory.mktemp("sketch") / "sketch.pkl")


def noise() -> Tensor:
    """Noise for `image()`."""
    return torch.randn(1, 4, 4, 8, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_stochastic_equals_peft_at_every_strength(strength: float, sketch: Path) -> None:
    theirs = paired_once(16, stochastic=True)
    packed = merged(sketch)
    assert packed.card.stochastic
    with torch.no_grad():
        ours = packed.generator(image(), embedding(), noise(), torch.tensor([strength], dtype=torch.float64))
    expected = theirs.translate_stochastic(image() * 0.5 + 0.5, embedding(), noise(), strength)
    assert (ours - expected).abs().max() <= EXACT
    assert (expected.abs() < 1).float().mean() > 0.5


def test_float32_is_as_near_as_float32_can_be(tmp_path: Path) -> None:
    theirs = unpaired_once()
    packed = merged(theirs.save(tmp_path / "day2night.pkl"), "a2b", dtype=torch.float32)
    error = (
        packed.generator(image().float(), embedding().float()) - theirs.translate(image(), embedding(), "a2b")
    ).abs()
    assert error.max() < FLOAT32 and error.mean() < FLOAT32 / 20


def test_a_stochastic_generator_survives_its_folder(sketch: Path, tmp_path: Path) -> None:
    packed = merged(sketch, dtype=torch.float32)
    save_generator(packed, tmp_path)
    again = load_generator(tmp_path)
    assert again.card == packed.card
    inputs = (image().float(), embedding().float(), noise().float(), torch.tensor([0.4]))
    with torch.no_grad():
        assert torch.equal(again.generator(*inputs), packed.generator(*inputs))


def test_a_merged_generator_survives_its_folder(tmp_path: Path) -> None:
    packed = merged(unpaired_once().save(tmp_path / "day2night.pkl"), "b2a", dtype=torch.float32)
    (tmp_path / "generator").mkdir()
    save_generator(packed, tmp_path / "generator")
    again = load_generator(tmp_path / "generator")
    inputs = (image().float(), embedding().float())
    assert torch.equal(again.generator(*inputs), packed.generator(*inputs))


@pytest.mark.parametrize("kind", ["unpaired", "paired", "stochastic"])
def test_an_imported_checkpoint_merges_to_the_same_weights(kind: str, tmp_path: Path) -> None:
    theirs = {"unpaired": unpaired_once, "paired": paired_once}.get(kind, lambda: paired_once(16, stochastic=True))()
    path = theirs.save(tmp_path / "published.pkl")
    save_checkpoint(read_checkpoint(path), tmp_path / "own.safetensors")
    direction: Literal["a2b"] | None = "a2b" if kind == "unpaired" else None
    pickled, imported = merged(path, direction), merged(tmp_path / "own.safetensors", direction)
    ours, others = imported.generator.state_dict(), pickled.generator.state_dict()
    assert ours.keys() == others.keys()
    assert all(torch.equal(ours[name], others[name]) for name in ours)


def test_half_precision_checkpoints_merge(tmp_path: Path) -> None:
    content = dict(paired_once().file)
    content["state_dict_unet"] = {name: tensor.half() for name, tensor in content["state_dict_unet"].items()}
    torch.save(content, tmp_path / "half.pkl")
    ours = merged(tmp_path / "half.pkl", dtype=torch.float32).generator.unet.state_dict()
    exact = merged(paired_once().save(tmp_path / "exact.pkl"), dtype=torch.float32).generator.unet.state_dict()
    assert all(tensor.dtype == torch.float32 for tensor in ours.values())
    assert max(float((ours[name] - exact[name]).abs().max()) for name in ours) < 2e-3


def test_the_published_targets_name_the_published_number_of_layers() -> None:
    parts = architecture("sd-turbo")
    with torch.device("meta"):
        unet, vae = UNet2DConditionModel(**parts.unet), AutoencoderKL(**parts.vae)
    layers = [name for name, layer in unet.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    assert len(targeted(layers, PAIRED_TARGETS)) == 257
    layers = [name for name, layer in vae.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    assert len(targeted(layers, VAE_TARGETS)) == 74 - 4  # the skip convolutions are the other four
