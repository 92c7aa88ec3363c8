"""The memory plan of real networks, measured small and scaled, against what is kept at full size."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from onestep.frame_size import FrameSize
from onestep.training.adaptation.adapted import AdaptedGenerator, adapt_paired
from onestep.training.base import random_base
from onestep.training.discriminators import build_discriminator
from onestep.training.trainer.activations import kept_bytes
from onestep.training.trainer.memory_plan import GIB, MemoryPlan
from onestep.training.trainer.plan_run import limit_bytes, plan_run

SIZE = FrameSize(128, 64)


def adapted() -> AdaptedGenerator:
    """Paired networks on a random tiny base."""
    return adapt_paired(random_base("tiny", seed=1), unet_rank=4, vae_rank=2, seed=1)


def planned(generator: AdaptedGenerator, *, moment_bytes: int = 4) -> MemoryPlan:
    """The plan for two pictures, without discriminators."""
    return plan_run(
        generator,
        torch.nn.ModuleDict(),
        frozen=[],
        judges=[],
        translate=generator,
        size=SIZE,
        text_shape=(77, 32),
        batch_size=2,
        moment_bytes=moment_bytes,
        checkpoint_activations=False,
        free=GIB,
    )


def test_what_is_measured_small_holds_at_full_size(tmp_path: Path) -> None:
    generator = adapted()
    plan = planned(generator)
    images, text = torch.zeros(2, 3, SIZE.height, SIZE.width), torch.zeros(1, 77, 32)

    def run() -> Tensor:
        return generator.forward("paired", images, text)

    kept = kept_bytes(run, weights=generator.parameters()).plain
    assert 2 * plan.per_picture.plain == pytest.approx(kept, rel=0.25)
    generator.checkpoint_activations()
    kept_again = kept_bytes(run, weights=generator.parameters()).plain
    assert kept_again < 0.3 * kept
    assert kept_again < 2 * plan.per_picture.recomputed < 0.7 * kept


def test_weights_gradients_and_moments_are_counted_once() -> None:
    generator = adapted()
    numbers = sum(tensor.numel() for tensor in generator.parameters())
    trained = sum(tensor.numel() for tensor in generator.parameters() if tensor.requires_grad)
    plan = planned(generator)
    assert (plan.weights, plan.gradients) == (4 * numbers, 4 * trained)
    assert (plan.optimiser, plan.average) == (8 * trained, 4 * trained)
    assert planned(generator, moment_bytes=1).optimiser == 2 * trained


def test_measuring_leaves_a_discriminator_as_it_was() -> None:
    judge = build_discriminator("efficientnet-lite0")
    judges = torch.nn.ModuleDict({"target": judge})
    before = {name: tensor.clone() for name, tensor in judges.state_dict().items()}
    generator = adapted()
    plan = plan_run(
        generator,
        judges,
        frozen=[],
        judges=[judge],
        translate=generator,
        size=SIZE,
        text_shape=(77, 32),
        batch_size=1,
        moment_bytes=4,
        checkpoint_activations=False,
        free=GIB,
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in judges.state_dict().items())
    assert plan.per_picture.plain > planned(generator).per_picture.plain
    assert judges.training and judge.training


def test_the_limit_comes_before_what_is_free() -> None:
    assert limit_bytes(0.5, free=7) == GIB // 2 and limit_bytes(None, free=7) == 7
