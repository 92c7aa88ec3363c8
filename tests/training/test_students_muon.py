"""Students are trained by Muon and AdamW together."""

import pytest
import torch
from torch import nn

from onestep.training.students.muon import Muon, orthogonalised, student_optimisers
from onestep.training.students.network import StudentNetwork, StudentShape


@pytest.mark.parametrize("shape", [(16, 144), (96, 24), (8, 8)])
def test_singular_values_come_near_one_and_the_vectors_stay(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    assert values.max() / values.min() > 1.5, "they are not near one another to begin with"
    inner = left.mT @ orthogonalised(matrix) @ right.mT
    assert inner.diagonal().min() > 0.6 and inner.diagonal().max() < 1.25
    assert (inner - inner.diagonal().diag()).abs().max() < 1e-3


def test_a_gradient_of_zeros_moves_nothing() -> None:
    assert torch.equal(orthogonalised(torch.zeros(4, 9)), torch.zeros(4, 9))


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has no Muon before 2.9")
@pytest.mark.parametrize("shape", [(16, 8, 3, 3), (96, 24, 1, 1)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_convolutions_move_as_their_matrices_do_in_torchs_muon(
    shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(5)
    kernel = nn.Parameter(torch.randn(shape, generator=generator).to(memory_format=layout))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    start = matrix.detach().clone()
    ours = Muon([kernel], lr=0.02)
    theirs = torch.optim.Muon([matrix], lr=0.01, weight_decay=0.2, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        kernel.grad = torch.randn(shape, generator=generator).to(memory_format=layout)
        matrix.grad = kernel.grad.flatten(1).clone()
        ours.step()
        theirs.step()  # type: ignore[no-untyped-call]
    moved, expected = kernel.detach().flatten(1) - start, matrix.detach() - start
    assert (moved - expected).norm() < 0.02 * expected.norm(), "torch's are rounded to bfloat16"


def test_each_weight_of_a_student_has_one_optimiser_and_ends_and_biases_have_adamw() -> None:
    student = StudentNetwork.of_shape(StudentShape(widths=(8, 8, 16), down_blocks=(0, 1, 1), up_blocks=(1, 1)))
    muon, adamw = student_optimisers(student, 1e-3)
    by_muon, by_adamw = ([w for group in o.param_groups for w in group["params"]] for o in (muon, adamw))
    assert isinstance(muon, Muon)
    assert isinstance(adamw, torch.optim.AdamW)
    assert sorted(map(id, by_muon + by_adamw)) == sorted(map(id, student.parameters()))
    assert all(weight.ndim == 4 for weight in by_muon)
    assert {weight for weight in by_adamw if weight.ndim == 4} == {student.stem.weight, student.head.weight}
