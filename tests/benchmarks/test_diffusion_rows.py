"""Each row makes the UNet evaluations that it claims, counted by a hook of the test's own on every UNet there is."""

from collections.abc import Iterator
from typing import Any

import pytest
from bench.catalogue import all_rows, chosen_rows
from bench.diffusion_networks import unet_of_two_latents
from bench.diffusion_rows import diffusion_rows, scheduler_steps
from bench.onestep_rows import EAGER
from bench.row import RowSpec
from bench.workload import Workload
from diffusers import UNet2DConditionModel
from torch.nn.modules.module import register_module_forward_pre_hook

from onestep.errors import UnknownNameError

ROWS = {row.name: row for row in all_rows(0.8)}
CLAIMS = {
    EAGER: (1, 1),
    "sdedit-50": (40, 80),
    "sdedit-20": (16, 32),
    "consistency-4": (4, 4),
    "instruct-pix2pix-100": (100, 300),
    "instruct-pix2pix-20": (20, 60),
    "controlnet-50": (50, 100),
    "controlnet-20": (20, 40),
    "t2i-adapter-20": (20, 40),
}


@pytest.fixture
def samples_per_call() -> Iterator[list[int]]:
    """One entry for each call of any UNet: the samples in it."""
    counted: list[int] = []

    def count(module: Any, arguments: tuple[Any, ...]) -> None:
        if isinstance(module, UNet2DConditionModel):
            counted.append(int(arguments[0].shape[0]))

    handle = register_module_forward_pre_hook(count)
    yield counted
    handle.remove()


def test_every_multi_step_row_is_tested() -> None:
    assert {row.name for row in diffusion_rows(0.8)} < set(CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_row_runs_the_unet_as_often_as_it_claims(name: str, workload: Workload, samples_per_call: list[int]) -> None:
    row: RowSpec = ROWS[name]
    opened = row.open(workload, row.steps)
    with opened.stages.attached():
        (frame,) = opened.call()
    calls, evaluations = CLAIMS[name]
    assert (len(samples_per_call), sum(samples_per_call)) == (calls, evaluations) == (row.steps, row.evaluations)
    assert (opened.stages.unet_calls, opened.stages.unet_evaluations) == (calls, evaluations)
    assert (frame.shape, str(frame.dtype)) == ((64, 64, 3), "uint8")
    opened.close()


def test_a_row_in_part_runs_as_many_steps_as_it_was_told(workload: Workload, samples_per_call: list[int]) -> None:
    opened = ROWS["sdedit-50"].open(workload, 3)
    with opened.stages.attached():
        opened.call()
    assert samples_per_call == [2, 2, 2]
    assert opened.stages.step_ms() > 0


def test_hooks_are_gone_between_calls(workload: Workload) -> None:
    opened = ROWS[EAGER].open(workload, 1)
    opened.call()
    assert opened.stages.unet_calls == 0


@pytest.mark.parametrize(("steps", "strength"), [(40, 0.8), (16, 0.8), (3, 0.8), (7, 0.3), (20, 1.0)])
def test_the_pipeline_is_asked_for_steps_of_which_it_runs_so_many(steps: int, strength: float) -> None:
    assert int(scheduler_steps(steps, strength) * strength) == steps


def test_instruct_pix2pix_shares_its_weights(workload: Workload) -> None:
    unet, _ = workload.networks
    wide = unet_of_two_latents(unet)
    assert wide.conv_out.weight.data_ptr() == unet.conv_out.weight.data_ptr()
    assert wide.conv_in.weight.shape[1] == 8


def test_rows_are_chosen_by_name_and_by_family() -> None:
    rows = list(ROWS.values())
    assert [row.name for row in chosen_rows(rows, ["sdedit", "eager"])] == ["eager", "sdedit-50", "sdedit-20"]
    assert chosen_rows(rows, []) == rows
    with pytest.raises(UnknownNameError, match=r"'sdedit-51'\. Did you mean 'sdedit-50'\? Known: .*cyclegan"):
        chosen_rows(rows, ["sdedit-51"])
