"""The losses of a training step against independent computations."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from onestep.errors import InputError, MissingInputError, UnknownNameError
from onestep.evaluation.networks.st_lpips import STLPIPS
from onestep.training.losses.adversarial import (
    AdversarialKind,
    discriminator_loss,
    fake_loss,
    generator_loss,
    real_loss,
)
from onestep.training.losses.clip_folder import MEAN, STD, clip_pixels
from onestep.training.losses.clip_similarity import ClipSimilarity
from onestep.training.losses.lpips_file import load_lpips
from onestep.training.losses.perceptual import perceptual_network
from onestep.training.losses.reconstruction import l1_and_perceptual, l2_and_perceptual
from tests.training.clip_folders import save_clip, save_vision

LEVELS = [torch.tensor([[[[0.3, -1.2], [2.0, 0.0]]], [[[4.0, -3.0], [0.5, 1.0]]]]), torch.tensor([[0.7], [-2.5]])]
OTHERS = [torch.tensor([[[[-0.4, 1.1], [0.2, -2.0]]], [[[1.5, 3.0], [-0.5, 0.0]]]]), torch.tensor([[1.2], [0.1]])]


def images(seed: int, *, count: int = 2, side: int = 40) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def cross_entropy(logits: list[Tensor], target: float) -> float:
    """Binary cross-entropy from its definition, in double precision: a mean per level, summed over levels."""
    total = 0.0
    for level in logits:
        chance = 1.0 / (1.0 + np.exp(-level.numpy().astype(np.float64)))
        total += float(np.mean(-(target * np.log(chance) + (1 - target) * np.log(1 - chance))))
    return total


@pytest.mark.parametrize(("kind", "target"), [("multilevel_sigmoid", 1.0), ("multilevel_sigmoid_s", 0.8)])
def test_multilevel_sigmoid(kind: AdversarialKind, target: float) -> None:
    assert float(generator_loss(LEVELS, kind)) == pytest.approx(cross_entropy(LEVELS, target), rel=1e-5)
    expected = cross_entropy(LEVELS, target) + cross_entropy(OTHERS, 0.0)
    assert float(discriminator_loss(LEVELS, OTHERS, kind)) == pytest.approx(expected, rel=1e-5)
    assert float(real_loss(LEVELS, kind) + fake_loss(OTHERS, kind)) == pytest.approx(expected, rel=1e-5)


def test_hinge() -> None:
    means = [np.mean(level.numpy()) for level in LEVELS]
    assert float(generator_loss(LEVELS, "hinge")) == pytest.approx(-sum(means), rel=1e-5)
    real = sum(np.maximum(0, 1 - level.numpy()).mean() for level in LEVELS)
    fake = sum(np.maximum(0, 1 + level.numpy()).mean() for level in OTHERS)
    assert float(discriminator_loss(LEVELS, OTHERS, "hinge")) == pytest.approx(real + fake, rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "highest", "lowest"),
    [
        ("multilevel_sigmoid", math.inf, -math.inf),
        ("multilevel_sigmoid_s", math.log(0.8 / 0.2), -math.inf),  # where the sigmoid is its target
        ("hinge", math.inf, -1.0),
    ],
)
def test_generator_and_discriminator_pull_against_each_other(
    kind: AdversarialKind, highest: float, lowest: float
) -> None:
    """The generator raises each logit up to a highest one, and the discriminator lowers it down to a lowest one."""
    logits = [level.clone().requires_grad_() for level in OTHERS]
    fooled = torch.autograd.grad(generator_loss(logits, kind), logits)
    caught = torch.autograd.grad(fake_loss(logits, kind), logits)
    assert all(torch.equal(a < 0, level < highest) for a, level in zip(fooled, logits, strict=True))
    assert all(torch.equal(b > 0, level > lowest) for b, level in zip(caught, logits, strict=True))
    assert all((b >= 0).all() for b in caught)


def test_adversarial_losses_are_float32() -> None:
    half = [level.to(torch.bfloat16) for level in LEVELS]
    assert generator_loss(half, "multilevel_sigmoid").dtype == torch.float32


@pytest.mark.parametrize("loss", [generator_loss, real_loss, fake_loss])
def test_an_unknown_objective(loss: object) -> None:
    with pytest.raises(UnknownNameError, match="Unknown adversarial objective 'hing'. Did you mean 'hinge'"):
        loss(LEVELS, "hing")  # type: ignore[operator]


def halves(a: Tensor, b: Tensor) -> Tensor:
    """A distance that is known: half of the squared difference of the means."""
    return (a.mean(dim=(1, 2, 3)) - b.mean(dim=(1, 2, 3))).square() / 2


def test_reconstruction_by_hand() -> None:
    output, target = images(1), images(2)
    a, b = output.double().numpy(), target.double().numpy()
    distance = np.mean([(x.mean() - y.mean()) ** 2 / 2 for x, y in zip(a, b, strict=True)])
    terms = l1_and_perceptual(output, target, perceptual=halves, l1_weight=2.0, perceptual_weight=10.0)
    assert float(terms["l1"]) == pytest.approx(2.0 * np.abs(a - b).mean(), rel=1e-5)
    assert float(terms["perceptual"]) == pytest.approx(10.0 * distance, rel=1e-4)
    terms = l2_and_perceptual(output, target, perceptual=halves, l2_weight=3.0, perceptual_weight=5.0)
    assert float(terms["l2"]) == pytest.approx(3.0 * ((a - b) ** 2).mean(), rel=1e-5)
    assert float(terms["perceptual"]) == pytest.approx(5.0 * distance, rel=1e-4)
    assert set(terms) == {"l2", "perceptual"}


def test_a_weight_of_zero_does_not_compute_the_distance() -> None:
    def never(a: Tensor, b: Tensor) -> Tensor:
        raise AssertionError

    terms = l1_and_perceptual(images(1), images(2), perceptual=never, l1_weight=1.0, perceptual_weight=0.0)
    assert float(terms["perceptual"]) == 0.0


def test_no_perceptual_distance() -> None:
    distance = perceptual_network("none")(images(1), images(2))
    assert distance.tolist() == [0.0, 0.0]


def test_st_lpips_gives_gradients_to_the_picture_and_none_to_itself() -> None:
    network = perceptual_network("st-lpips-alex")
    output = images(1).requires_grad_()
    terms = l1_and_perceptual(output, images(2), perceptual=network, l1_weight=0.0, perceptual_weight=1.0)
    terms["perceptual"].backward()  # type: ignore[no-untyped-call]
    assert output.grad is not None and float(output.grad.abs().sum()) > 0
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())
    assert float(network(images(3), images(3)).abs().max()) < 1e-6


def test_perceptual_names() -> None:
    vgg = perceptual_network("st-lpips-vgg")
    assert isinstance(vgg, STLPIPS) and vgg.name == "vgg"
    with pytest.raises(
        UnknownNameError, match="Unknown perceptual distance 'st-lpips-alx'. Did you mean 'st-lpips-alex'"
    ):
        perceptual_network("st-lpips-alx")


def lpips_state() -> dict[str, Tensor]:
    """Random weights under the names of `lpips.LPIPS(net="vgg").state_dict()`."""
    draw = torch.Generator().manual_seed(3)
    state = {"scaling_layer.shift": torch.rand(1, 3, 1, 1), "scaling_layer.scale": torch.rand(1, 3, 1, 1) + 0.5}
    before = 3
    for level, (layers, width) in enumerate(VGG, start=1):
        for layer in layers:
            shape = (width, before, 3, 3)
            state[f"net.slice{level}.{layer}.weight"] = torch.randn(shape, generator=draw) / (3 * before**0.5)
            state[f"net.slice{level}.{layer}.bias"] = torch.randn(width, generator=draw) * 0.01
            before = width
        head = torch.rand(1, width, 1, 1, generator=draw)
        state[f"lin{level - 1}.model.1.weight"] = state[f"lins.{level - 1}.model.1.weight"] = head
    return state


VGG = [((0, 2), 64), ((5, 7), 128), ((10, 12, 14), 256), ((17, 19, 21), 512), ((24, 26, 28), 512)]
"""Numbers of the convolutions in torchvision's VGG16, and their width."""


def lpips_by_hand(state: dict[str, Tensor], a: Tensor, b: Tensor) -> Tensor:
    """LPIPS from its paper: unit-length features, squared difference, weighted, averaged, summed over levels."""
    total = torch.zeros(len(a))
    x, y = ((each - state["scaling_layer.shift"]) / state["scaling_layer.scale"] for each in (a, b))
    for level, (layers, _) in enumerate(VGG, start=1):
        if level > 1:
            x, y = F.max_pool2d(x, 2), F.max_pool2d(y, 2)
        for layer in layers:
            weight, bias = (state[f"net.slice{level}.{layer}.{kind}"] for kind in ("weight", "bias"))
            x, y = (F.relu(F.conv2d(each, weight, bias, padding=1)) for each in (x, y))
        unit = [each / each.square().sum(1, keepdim=True).sqrt().clamp_min(1e-10) for each in (x, y)]
        weighted = (unit[0] - unit[1]).square() * state[f"lin{level - 1}.model.1.weight"]
        total = total + weighted.sum(1).mean((1, 2))
    return total


def test_lpips_from_a_file(tmp_path: Path) -> None:
    state = lpips_state()
    torch.save(state, tmp_path / "lpips.pth")
    network = perceptual_network(f"lpips:{tmp_path / 'lpips.pth'}")
    expected = lpips_by_hand(state, images(1, side=32), images(2, side=32))
    torch.testing.assert_close(network(images(1, side=32), images(2, side=32)), expected, rtol=1e-4, atol=1e-6)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_lpips_from_what_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no file .*nowhere.pth with LPIPS' weights"):
        load_lpips(tmp_path / "nowhere.pth")
    (tmp_path / "text.pth").write_text("text")
    torch.save({"lin0.model.1.weight": torch.zeros(1, 64, 1, 1)}, tmp_path / "heads.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("text.pth", "heads.pth", "list.pth"):
        with pytest.raises(InputError, match=f"{name} is not the state of an lpips.LPIPS"):
            load_lpips(tmp_path / name)


def test_clip_pixels() -> None:
    picture = images(4, side=64)
    blocks = picture.view(2, 3, 32, 2, 32, 2).mean((3, 5))
    expected = ((blocks + 1) / 2 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    torch.testing.assert_close(clip_pixels(picture, 32), expected, atol=1e-5, rtol=1e-5)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("clip"))


def test_clip_similarity_is_the_diagonal_of_the_logits(clip: Path) -> None:
    """The whole matrix by CLIP's own forward pass, over its own scale; only pictures with their own captions count."""
    loss = ClipSimilarity.from_folder(clip)
    captions = ["a b c", "p o n m"]
    tokens = loss._tokenizer(captions, padding="max_length", max_length=10, return_tensors="pt")
    with torch.no_grad():
        seen = loss.clip(pixel_values=clip_pixels(images(1), 32), **tokens)
    cosines = seen.logits_per_image / loss.clip.logit_scale.exp()
    torch.testing.assert_close(loss(images(1), captions), 1 - cosines.diagonal(), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(cosines[0, 0], cosines[0, 1], atol=1e-4), "captions matter"


def test_clip_similarity_of_one_pair_does_not_depend_on_the_others(clip: Path) -> None:
    loss = ClipSimilarity.from_folder(clip)
    both = loss(images(1), ["a b", "c d e"])
    alone = torch.cat([loss(images(1)[:1], ["a b"]), loss(images(1)[1:], ["c d e"])])
    torch.testing.assert_close(both, alone, atol=1e-6, rtol=1e-5)


def test_clip_similarity_cuts_long_captions_and_trains_the_picture_alone(clip: Path) -> None:
    loss = ClipSimilarity.from_folder(clip).train()
    output = images(1).requires_grad_()
    value = loss(output, ["a b c d e f g h i j k l m n o p", ""])
    value.mean().backward()
    assert value.shape == (2,) and value.dtype == torch.float32
    assert output.grad is not None and float(output.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in loss.parameters())
    assert not any(module.training for module in loss.modules())


def test_clip_from_what_is_no_clip(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(MissingInputError, match="There is no .*config.json. A CLIP folder has transformers' layout"):
        ClipSimilarity.from_folder(tmp_path)
    vision = save_vision(tmp_path / "vision", projection=True)
    with pytest.raises(
        InputError, match="holds a CLIPVisionModelWithProjection, and one of these is needed: CLIPModel"
    ):
        ClipSimilarity.from_folder(vision)
    for text in ("{}", "[", '{"architectures": []}'):
        (vision / "config.json").write_text(text)
        with pytest.raises(InputError, match="does not name the model's class"):
            ClipSimilarity.from_folder(vision)


def test_clip_with_parts_missing(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_clip(tmp_path / "clip")
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="lacks weights of its CLIPModel, such as visual_projection.weight"):
        ClipSimilarity.from_folder(folder)
    (folder / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(InputError, match="cannot be read as a CLIPModel"):
        ClipSimilarity.from_folder(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be read as a CLIPModel"):
        ClipSimilarity.from_folder(folder)
    whole = save_clip(tmp_path / "silent")
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"):
        (whole / name).unlink(missing_ok=True)
    with pytest.raises(InputError, match="holds no tokenizer: neither tokenizer.json nor vocab.json"):
        ClipSimilarity.from_folder(whole)
    (whole / "tokenizer.json").write_text("[")
    with pytest.raises(InputError, match="The tokenizer in .* cannot be read"):
        ClipSimilarity.from_folder(whole)
