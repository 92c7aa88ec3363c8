"""What a run works on: bases of every sort, memory before they are loaded, and networks that stay where they are."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from bench.gan_row import gan_row
from bench.packed_base import packed_base, weights_bytes
from bench.placed import copy_on
from bench.settings import Settings
from bench.workload import Workload
from torch import nn

from onestep.errors import BackendError, GeneratorError
from onestep.frame_size import FrameSize
from onestep.training.base import save_base


def test_a_folders_architecture_with_random_weights(workload: Workload, tmp_path: Path) -> None:
    base = tmp_path / "my-base"
    base.mkdir()
    save_base(workload.packed.base, base)
    for weights in base.glob("*/*.safetensors"):
        weights.unlink()
    packed = packed_base(Settings(base=str(base), random_weights=True, size=FrameSize(64, 64)))
    assert packed.card.base == "my-base"
    counts = [sum(p.numel() for p in each.generator.parameters()) for each in (packed, workload.packed)]
    assert counts[0] == counts[1]


def test_a_folder_without_a_unet(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="lacks unet, vae, text_encoder, scheduler, so it is no base"):
        packed_base(Settings(base=str(tmp_path), random_weights=True))


@pytest.mark.parametrize("random_weights", [True, False])
def test_a_base_that_does_not_fit_is_not_loaded(
    random_weights: bool, workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_base(workload.packed.base, tmp_path)
    monkeypatch.setattr("bench.packed_base.load_base", None)
    settings = Settings(base=str(tmp_path), random_weights=random_weights, memory_limit_bytes=1e6)
    with pytest.raises(BackendError, match=r"was not loaded: not enough memory: it needs about 0\.0 GB and 0\.0 GB"):
        packed_base(settings)


def test_weights_are_counted_in_float32_whatever_they_are_stored_in(workload: Workload, tmp_path: Path) -> None:
    base = workload.packed.base
    save_base(base, tmp_path)
    parameters = sum(p.numel() for part in (base.unet, base.vae, base.text_encoder) for p in part.parameters())
    assert weights_bytes(tmp_path) == pytest.approx(4 * parameters, rel=0.01)


def test_networks_are_copied_to_the_device_and_the_originals_stay(workload: Workload) -> None:
    elsewhere = replace(workload)
    settings = replace(workload.settings)
    object.__setattr__(settings, "device", "meta")  # a device that every machine has
    object.__setattr__(elsewhere, "settings", settings)
    unet, vae = elsewhere.networks
    places = {parameter.device.type for part in (elsewhere.module, unet, vae) for parameter in part.parameters()}
    assert places == {"meta"}
    assert {parameter.device.type for parameter in workload.packed.generator.parameters()} == {"cpu"}
    assert unet is elsewhere.module.generator.unet, "one copy is enough for all rows"


def test_on_the_processor_nothing_is_copied(workload: Workload) -> None:
    unet, vae = workload.networks
    assert unet is workload.packed.base.unet and vae is workload.packed.base.vae


def test_a_copy_has_the_asked_type() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    copied = copy_on(network, device="cpu", dtype=torch.float16)
    assert {name: tensor.dtype for name, tensor in copied.state_dict().items()} == {
        name: torch.float16 if tensor.is_floating_point() else tensor.dtype
        for name, tensor in network.state_dict().items()
    }
    assert network[0].weight.dtype == torch.float32


def test_cyclegans_memory_is_its_own(workload: Workload) -> None:
    large = replace(workload, settings=replace(workload.settings, size=FrameSize(512, 288)))
    assert 217e6 <= gan_row().own_bytes(large) < 300e6, "217 MB were measured at that size"
