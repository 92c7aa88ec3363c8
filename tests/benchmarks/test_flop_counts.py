"""Operations against hand computation, and the floor that follows from them."""

import math
from collections.abc import Iterable
from dataclasses import replace

import torch
from bench.diffusion_rows import diffusion_rows
from bench.floors import Floors, matrix_rates
from bench.flop_counts import counted_flops
from bench.gan_row import gan_row, resnet_generator
from bench.rates import Probe, Rates
from bench.row import RowSpec
from bench.workload import Workload
from torch import nn


def test_a_convolution_and_a_product_by_hand() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(2), nn.Linear(64, 5))

    counted = counted_flops(build, lambda net: net(torch.empty(1, 3, 8, 8)))
    assert counted == 2 * 8 * 8 * 8 * 3 * 9 + 2 * 8 * 64 * 5


def test_cyclegan_by_hand(workload: Workload) -> None:
    size = workload.settings.frame_size
    full, half, quarter = size.pixels, size.pixels // 4, size.pixels // 16
    ends = 2 * full * 49 * 3 * 64
    downwards = half * 9 * 64 * 128 + quarter * 9 * 128 * 256
    # A transposed convolution multiplies every input value with its whole kernel.
    upwards = quarter * 9 * 256 * 128 + half * 9 * 128 * 64
    blocks = 18 * quarter * 9 * 256 * 256
    assert gan_row().flops(workload) == 2 * (ends + downwards + upwards + blocks)


def test_cyclegan_is_the_published_size() -> None:
    assert sum(parameter.numel() for parameter in resnet_generator().parameters()) == 11_378_179


def test_multi_step_rows_count_the_unet_once_for_each_evaluation(workload: Workload) -> None:
    parts = workload.part_flops
    rows = {row.name: row for row in diffusion_rows(0.8)}
    autoencoder = parts["encoder"] + parts["decoder"]
    assert rows["sdedit-50"].evaluations == 40 * 2
    assert rows["sdedit-50"].flops(workload) == autoencoder + 80 * parts["unet"]
    assert rows["consistency-4"].flops(workload) == autoencoder + 4 * parts["unet"]
    # InstructPix2Pix's first convolution reads eight channels in place of four, on a latent of 8x8.
    wider = 2 * 8 * 8 * 9 * 4 * workload.packed.base.unet.config.block_out_channels[0]
    assert rows["instruct-pix2pix-20"].flops(workload) == autoencoder + 60 * (parts["unet"] + wider)


def test_controlnet_and_adapter_add_their_own_networks(workload: Workload) -> None:
    parts = workload.part_flops
    rows: dict[str, RowSpec] = {row.name: row for row in diffusion_rows(0.8)}
    per_evaluation = (rows["controlnet-50"].flops(workload) - rows["controlnet-20"].flops(workload)) / 60
    # Half a UNet, and a condition's encoder at full resolution that diffusers runs in every step.
    assert 1.5 * parts["unet"] < per_evaluation < 4 * parts["unet"]
    once = rows["t2i-adapter-20"].flops(workload) - parts["decoder"] - 40 * parts["unet"]
    assert 0 < once < 10 * parts["unet"]


def test_the_floor_is_the_longer_of_both() -> None:
    rates = Rates(matrix_flops_per_second=200e9, copy_bytes_per_second=10e9)
    assert math.isclose(rates.floor_ms(flops=20e9, traffic_bytes=1e6), 100.0)
    assert math.isclose(rates.floor_ms(flops=1e6, traffic_bytes=1e9), 100.0)
    assert rates.better(Rates(100e9, 20e9)) == Rates(200e9, 20e9)


def test_a_floor_is_by_the_fastest_precision_that_is_wide_enough(workload: Workload) -> None:
    rates = Rates(matrix_flops_per_second=100e9, copy_bytes_per_second=1e18)
    floors = Floors(rates, {"fp16": 400e9, "int8": 200e9})
    spec = gan_row()
    by_precision = {
        name: floors.floor_ms(replace(spec, precision=name), workload, flops=int(4e9))
        for name in ("fp32", "fp16", "int8", None)
    }
    assert by_precision == {"fp32": 40.0, "fp16": 10.0, "int8": 10.0, None: 40.0}
    assert floors.better(Floors(rates, {"int8": 800e9})).matrix_rates == {"fp16": 400e9, "int8": 800e9}


def test_products_are_measured_in_each_precision() -> None:
    rates = matrix_rates(["fp32"], "cpu")
    assert 0 < rates["fp32"] < math.inf


class PlannedProbe(Probe):
    """Gives the samples it was given, each of which takes a second of a clock that stands still otherwise."""

    def __init__(self, samples: Iterable[Rates]) -> None:
        self.seconds, self._samples = 0.0, iter(samples)
        super().__init__(device="cpu", dtype=torch.float32, now=lambda: self.seconds)

    def sample(self) -> Rates:
        self.seconds += 1.0
        return next(self._samples)


def test_rates_between_turns_are_medians() -> None:
    probe = PlannedProbe([Rates(3.0, 10.0), Rates(1.0, 30.0), Rates(2.0, 20.0)])
    assert (probe.median_between, probe.spread_between, probe.count_between) == (None, None, 0)
    for _ in range(3):
        probe.sample_between()
        probe.seconds += 100.0
    assert probe.median_between == Rates(2.0, 20.0)
    assert probe.spread_between == 1.0
    assert probe.count_between == 3


def test_rates_between_turns_take_a_twentieth_of_the_time() -> None:
    probe = PlannedProbe([Rates(1.0, 1.0)] * 3)
    for seconds, count in ((0.0, 1), (1.0, 1), (19.9, 1), (20.0, 2), (39.9, 2), (40.0, 3)):
        probe.seconds = seconds
        probe.sample_between()
        assert probe.count_between == count


def test_the_best_rates_are_the_highest_of_a_while_but_for_the_first() -> None:
    samples = [Rates(9.0, 9.0), Rates(1.0, 2.0), Rates(3.0, 1.0), Rates(2.0, 3.0), Rates(8.0, 8.0)]
    assert PlannedProbe(samples).best() == Rates(3.0, 3.0)


def test_a_sample_is_of_this_machine() -> None:
    rates = Probe(device="cpu", dtype=torch.float32).sample()
    assert 0 < rates.matrix_flops_per_second < math.inf
    assert 0 < rates.copy_bytes_per_second < math.inf
