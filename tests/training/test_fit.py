"""The loop: it minimises, leaves the average, and stops at a loss that is no number."""

import pytest
import torch
from torch import Tensor, nn

from onestep.errors import TrainingError
from onestep.training.fit import FitOptions, fit


def options(steps: int) -> FitOptions:
    return FitOptions(steps=steps, learning_rate=0.05, warmup_steps=5, report_every=10)


def test_it_minimises_and_reports() -> None:
    module = nn.Linear(2, 1)
    lines: list[str] = []
    target = torch.tensor([[3.0, -1.0]])
    average = fit(module, lambda step: ((module.weight - target) ** 2).sum(), options=options(200), log=lines.append)
    assert len(lines) == 20
    assert lines[-1].startswith("step 200/200 loss ")
    torch.testing.assert_close(average.weight, target, atol=0.05, rtol=0.0)
    assert average is not module


def test_a_loss_that_is_no_number_stops_before_it_spoils_the_weights() -> None:
    module = nn.Linear(1, 1)

    def loss(step: int) -> Tensor:
        return module.weight.sum() * (float("nan") if step == 3 else 1.0)

    with pytest.raises(TrainingError, match=r"The loss of step 4 is nan. Lower the learning rate \(0.05\)"):
        fit(module, loss, options=options(10), log=lambda line: None)
    assert torch.isfinite(module.weight).all()


def test_a_gradient_that_is_no_number_stops_before_it_spoils_the_weights() -> None:
    module = nn.Linear(1, 1)

    def loss(step: int) -> Tensor:
        return (module.weight - module.weight.detach()).abs().sqrt().sum() if step == 3 else module.weight.sum()

    with pytest.raises(TrainingError, match=r"The gradient of step 4 is (nan|inf). Lower the learning rate"):
        fit(module, loss, options=options(10), log=lambda line: None)
    assert torch.isfinite(module.weight).all()
