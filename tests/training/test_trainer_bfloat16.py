"""A run in bfloat16: the UNet's first and last layers compute in float32, as the step needs."""

import copy
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from onestep.training.trainer import processes
from onestep.training.trainer.exact_layers import exempt_from_autocast
from onestep.training.trainer.prepare import prepare
from onestep.training.trainer.processes import Processes
from onestep.training.trainer.settings import MachineSettings
from tests.training.tiny_runs import unpaired_pictures, unpaired_settings


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_unets_ends_are_float32_and_its_middle_is_what_was_asked_for(tmp_path: Path, precision: str) -> None:
    settings = unpaired_settings(unpaired_pictures(tmp_path / "pictures"), precision=precision)
    alone = Processes(settings.machine)
    try:
        ready = prepare(settings, alone, download=False)
    finally:
        alone.close()
    unet = ready.state.generator.generator("a2b").unet
    given: dict[str, list[torch.dtype]] = {"conv_in": [], "middle": [], "conv_out": []}
    for name, layer in zip(given, (unet.conv_in, unet.mid_block.resnets[0].conv1, unet.conv_out), strict=True):

        def note(_: nn.Module, args: object, result: Tensor, dtypes: list[torch.dtype] = given[name]) -> None:
            dtypes.append(result.dtype)

        layer.register_forward_hook(note)
    text = ready.task.encode(["side B"])
    ready.task.translate("a2b", torch.zeros(1, 3, 32, 32), text)
    asked_for = torch.bfloat16 if precision == "bf16" else torch.float32
    assert given == {"conv_in": [torch.float32], "middle": [asked_for], "conv_out": [torch.float32]}


def test_an_exempt_layer_leaves_autocast_as_it_was_whatever_happens() -> None:
    layer = nn.Conv2d(1, 1, 1)
    exempt_from_autocast(layer)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16)).dtype == torch.float32
        assert torch.is_autocast_enabled("cpu")
        with pytest.raises(RuntimeError, match="channels"):
            layer(torch.zeros(1, 2, 2, 2))
        assert torch.is_autocast_enabled("cpu")


def test_a_copy_of_an_exempt_layer_computes_with_its_own_weights() -> None:
    layer = nn.Conv2d(1, 1, 1)
    exempt_from_autocast(layer)
    other = copy.deepcopy(layer)
    other.load_state_dict({"weight": torch.zeros(1, 1, 1, 1), "bias": torch.full((1,), 3.0)})
    assert torch.equal(other(torch.ones(1, 1, 1, 1)), torch.full((1, 1, 1, 1), 3.0))


def test_processes_wait_for_the_first_one_as_long_as_it_validates(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(processes, "Accelerator", lambda **options: asked.update(options))
    Processes(MachineSettings(device="cpu"))
    patience: Any
    (patience,) = cast(list[Any], asked["kwargs_handlers"])
    assert patience.timeout.total_seconds() >= 6 * 3600
