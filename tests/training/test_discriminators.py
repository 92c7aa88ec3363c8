"""Discriminators: frozen trunk, trained heads, augmentation that can be reproduced."""

import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onestep.errors import InputError, MissingInputError, UnknownNameError
from onestep.training.discriminators import build_discriminator, load_trunk
from onestep.training.discriminators.blur_pool import Blur
from onestep.training.discriminators.clip_trunk import ClipTrunk
from onestep.training.discriminators.diff_augment import augmented, random_numbers
from onestep.training.discriminators.patch import PatchDiscriminator
from onestep.training.discriminators.trunk import ConvolutionalTrunk, Trunk
from onestep.training.discriminators.vision_aided import VisionAidedDiscriminator
from onestep.training.losses.adversarial import discriminator_loss, generator_loss
from onestep.training.losses.clip_folder import clip_pixels
from tests.training.clip_folders import VISION, save_clip, save_vision


def images(seed: int, *, count: int = 2, height: int = 64, width: int = 96) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


class Stripes(nn.Module):
    """Two maps that are easy to follow, of 4 and 6 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, stride=4, padding=1), nn.Conv2d(4, 6, 3, stride=2, padding=1)

    def levels(self, pictures: Tensor) -> list[Tensor]:
        first = self.first(pictures)
        return [first, self.second(first.relu())]


def small_trunk() -> ConvolutionalTrunk:
    network = Stripes()
    return ConvolutionalTrunk(network, network.levels, (4, 6))


def small(*, augment: bool = False) -> VisionAidedDiscriminator:
    return VisionAidedDiscriminator(small_trunk(), augment=augment)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.mark.parametrize("name", ["vgg16-st", "alexnet-st", "efficientnet-lite0"])
def test_packaged_trunks_judge_pictures_of_any_size(name: str) -> None:
    judge = build_discriminator(name)
    assert isinstance(judge, VisionAidedDiscriminator)
    for height, width in ((32, 48), (64, 96)):
        logits = judge(images(1, height=height, width=width))
        assert len(logits) == 4
        assert [level.shape[:2] for level in logits] == [(2, 1)] * 4
        assert all(torch.isfinite(level).all() for level in logits)
    maps, embedding = judge.trunk(images(1))
    for features in (*maps, embedding):
        power = features.flatten(1).square().mean(1)
        torch.testing.assert_close(power, torch.ones(2), atol=1e-3, rtol=0.0)


def test_large_pictures_are_averaged_down() -> None:
    trunk = small_trunk()
    wide = images(1, count=1, height=512, width=1024)
    halved = wide.view(1, 3, 256, 2, 512, 2).mean((3, 5))
    maps, embedding = trunk(wide)
    expected, its_embedding = trunk(halved)
    torch.testing.assert_close(maps, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(embedding, its_embedding, atol=1e-4, rtol=1e-4)


def test_only_the_heads_are_saved_and_trained() -> None:
    judge = small()
    trunk_numbers = sum(parameter.numel() for parameter in judge.trunk.parameters())
    assert trunk_numbers > 0
    assert all(name.startswith("heads.") for name in judge.state_dict())
    assert all(name.startswith("heads.") for name, _ in judge.named_parameters())
    assert not any(parameter.requires_grad for parameter in judge.trunk.parameters())
    judge.train()
    assert not any(module.training for module in judge.trunk.modules())


def test_the_published_heads_have_their_published_size() -> None:
    """Levels of 768, 768 and 512 numbers, as CLIP ViT-B/32 has them: 3.67 M trainable."""

    class Sizes(Trunk):
        def __init__(self) -> None:
            super().__init__((768, 768), 512)

    judge = VisionAidedDiscriminator(Sizes(), augment=False)
    maps = 768 * 256 * 9 + 256 + 256 + 1
    assert sum(p.numel() for p in judge.parameters()) == 2 * maps + 512 * 256 + 256 + 256 + 1 == 3_671_555


def test_the_trunk_follows_to_another_type_and_device() -> None:
    judge = small().to(torch.float64)
    assert {parameter.dtype for parameter in judge.trunk.parameters()} == {torch.float64}
    assert judge(images(1).double())[0].dtype == torch.float64
    meta = small().to("meta")
    assert {parameter.device.type for parameter in meta.trunk.parameters()} == {"meta"}


def test_gradients_reach_the_picture_and_the_heads_but_not_the_trunk() -> None:
    judge = small(augment=True)
    fake = images(1).requires_grad_()
    generator_loss(judge(fake), "multilevel_sigmoid").backward()  # type: ignore[no-untyped-call]
    assert fake.grad is not None and float(fake.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in judge.trunk.parameters())
    assert all(parameter.grad is not None for parameter in judge.parameters())


def test_two_discriminators_share_a_trunk() -> None:
    trunk = small_trunk()
    first, second = (build_discriminator(trunk, augment=False) for _ in range(2))
    assert isinstance(first, VisionAidedDiscriminator) and isinstance(second, VisionAidedDiscriminator)
    assert first.trunk is second.trunk
    assert not torch.equal(first(images(1))[0], second(images(1))[0]), "their heads differ"


def test_a_copy_has_the_same_logits() -> None:
    judge = small().eval()
    torch.testing.assert_close(copy.deepcopy(judge)(images(1)), judge(images(1)))
    again = VisionAidedDiscriminator(judge.trunk, augment=False).eval()
    again.load_state_dict(judge.state_dict())
    torch.testing.assert_close(again(images(1)), judge(images(1)))


def test_heads_by_hand() -> None:
    judge = small().eval()
    maps, embedding = judge.trunk(images(1))
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    for features, head, logits in zip(maps, judge.heads, judge(images(1)), strict=False):
        assert isinstance(head, nn.Sequential)
        first, last = head[0], head[3]
        assert isinstance(first, nn.Conv2d) and isinstance(last, nn.Conv2d) and last.bias is not None
        for layer in (first, last):
            largest = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
            assert float(largest.detach()) == pytest.approx(1.0, abs=0.1), "spectral norm"
        x = F.leaky_relu(F.conv2d(features, first.weight, first.bias, padding=1), 0.2)
        x = F.pad(x, (1, 2, 1, 2))
        rows = sum(taps[i] * x[:, :, i : x.shape[2] - 3 + i] for i in range(4))
        assert isinstance(rows, Tensor)
        blurred = sum(taps[i] * rows[:, :, :, i : rows.shape[3] - 3 + i] for i in range(4))
        assert isinstance(blurred, Tensor)
        expected = torch.einsum("bchw,c->bhw", blurred[:, :, ::2, ::2], last.weight[0, :, 0, 0])[:, None] + last.bias
        torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-4)
    head = judge.heads[-1]
    assert isinstance(head, nn.Sequential)
    first, last = head[0], head[2]
    assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
    hidden = F.leaky_relu(embedding @ first.weight.T + first.bias, 0.2)
    torch.testing.assert_close(judge(images(1))[-1], hidden @ last.weight.T + last.bias, atol=1e-5, rtol=1e-4)


def test_the_blur_keeps_a_flat_picture_and_its_size() -> None:
    flat = torch.full((1, 5, 9, 7), 2.0)
    blurred = Blur()(flat)
    assert blurred.shape == flat.shape
    torch.testing.assert_close(blurred[:, :, 1:-2, 1:-2], flat[:, :, 1:-2, 1:-2])
    assert "kernel" not in Blur().state_dict()


def test_a_discriminator_learns_to_tell_two_kinds_apart() -> None:
    judge = small().train()
    optimiser = torch.optim.Adam(judge.parameters(), lr=3e-2)
    stripes = torch.linspace(0, 20, 48).sin().expand(4, 3, 32, 48) * 0.9
    losses = []
    for step in range(40):
        real, fake = stripes, 0.3 * images(100 + step, count=4, height=32, width=48)
        loss = discriminator_loss(judge(real), judge(fake), "multilevel_sigmoid")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[0] > 3.5, "three levels that know nothing: 3 times 2 ln 2 = 4.16"
    assert sum(losses[-5:]) / 5 < 0.75 * losses[0]


def test_clip_trunk_gives_grids_and_the_projected_embedding(clip: Path) -> None:
    trunk = ClipTrunk.from_folder(clip)
    assert (trunk.map_channels, trunk.embedding_width) == ((16, 16), 12)
    pictures = images(1)
    maps, embedding = trunk(pictures)
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(clip)
    with torch.no_grad():
        seen = model.vision_model(pixel_values=clip_pixels(pictures, 32), output_hidden_states=True)
        expected = model.visual_projection(seen.pooler_output)
    torch.testing.assert_close(embedding, expected)
    for features, block in zip(maps, (2, 4), strict=True):
        assert features.shape == (2, 16, 4, 4)
        tokens = seen.hidden_states[block][:, 1:]
        for row, column in ((0, 0), (0, 3), (2, 1)):
            torch.testing.assert_close(features[:, :, row, column], tokens[:, 4 * row + column])


@pytest.mark.parametrize(("projection", "width"), [(True, 12), (False, 16)])
def test_clip_trunk_from_an_image_encoder_alone(tmp_path: Path, projection: bool, width: int) -> None:
    trunk = ClipTrunk.from_folder(save_vision(tmp_path, projection=projection))
    _, embedding = trunk(images(1))
    assert embedding.shape == (2, width) == (2, trunk.embedding_width)
    judge = build_discriminator(f"clip:{tmp_path}")
    assert [tuple(level.shape) for level in judge(images(1))] == [(2, 1, 2, 2), (2, 1, 2, 2), (2, 1)]


def test_clip_gradients(clip: Path) -> None:
    judge = build_discriminator(f"clip:{clip}")
    assert isinstance(judge, VisionAidedDiscriminator)
    fake = images(1).requires_grad_()
    generator_loss(judge(fake), "hinge").backward()  # type: ignore[no-untyped-call]
    assert fake.grad is not None and float(fake.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in judge.trunk.parameters())
    assert not any("vision" in name for name in judge.state_dict())


def test_clip_that_is_not_there_or_too_shallow(tmp_path: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModel

    with pytest.raises(MissingInputError, match="nowhere/config.json"):
        build_discriminator(f"clip:{tmp_path}/nowhere")
    shallow = CLIPVisionConfig(**{**VISION.to_dict(), "num_hidden_layers": 2})
    with pytest.raises(InputError, match="A CLIP trunk needs 3 blocks or more, and this one has 2"):
        ClipTrunk(CLIPVisionModel(shallow))


@pytest.mark.parametrize("name", ["vgg16", "", "clip"])
def test_unknown_trunks(name: str) -> None:
    with pytest.raises(UnknownNameError, match="Unknown discriminator trunk .*Known: vgg16-st, alexnet-st"):
        build_discriminator(name)


def test_the_patch_discriminator_has_no_trunk_to_load() -> None:
    with pytest.raises(UnknownNameError, match="Unknown discriminator trunk 'patch'"):
        load_trunk("patch")


def test_the_patch_discriminator_sees_70_pixels() -> None:
    judge = build_discriminator("patch", augment=False)
    assert isinstance(judge, PatchDiscriminator)
    for index, layer in enumerate(judge.layers):
        if isinstance(layer, nn.InstanceNorm2d):
            judge.layers[index] = nn.Identity()  # it looks at the whole picture
    picture = images(1, count=1, height=128, width=128).requires_grad_()
    (logits,) = judge(picture)
    assert logits.shape == (1, 1, 14, 14)
    (seen,) = torch.autograd.grad(logits[0, 0, 7, 7], picture)
    rows = seen.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (int(rows[-1] - rows[0]) + 1) == 70


def test_patch_logits_do_not_depend_on_the_rest_of_the_batch() -> None:
    judge = build_discriminator("patch", augment=False)
    whole = judge(images(1))[0]
    torch.testing.assert_close(whole[1:], judge(images(1)[1:])[0], atol=1e-5, rtol=1e-4)
    assert isinstance(judge, PatchDiscriminator)
    assert sum(parameter.numel() for parameter in judge.parameters()) == 2_763_841, (
        "by hand: 3136 + 131072 + 524288 + 2097152 + 8193"
    )


def test_numbers_reach_the_discriminator() -> None:
    judge = small(augment=True).eval()
    numbers = random_numbers(2)
    plain = VisionAidedDiscriminator(judge.trunk, augment=False).eval()
    plain.load_state_dict(judge.state_dict())
    torch.testing.assert_close(judge(images(1), numbers), plain(augmented(images(1), numbers)))
    torch.testing.assert_close(plain(images(1), numbers), plain(images(1)))
    patch = build_discriminator("patch")
    assert torch.equal(patch(images(1), numbers)[0], patch(images(1), numbers)[0])
