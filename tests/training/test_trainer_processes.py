"""Two processes with half the batch each, against one with the whole batch."""

import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from onestep.training.trainer.chance import StepChance
from onestep.training.trainer.prepare import prepare
from onestep.training.trainer.processes import Processes
from tests.patience import PATIENCE_SECONDS
from tests.training.tiny_runs import state_tensors, trained, unpaired_pictures, unpaired_settings

ABSOLUTE = 2e-6
RELATIVE = 1e-3
"""Distance between the two ends over the distance from the start. The mean of two halves rounds otherwise than the
mean of the whole, which changes a step's gradient by about 5e-5 of its length. AdamW divides each number's gradient by
its own size, so where a gradient is rounding alone a step goes anywhere; with an epsilon of 1, steps follow the
gradient."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_two_processes_equal_one_with_the_same_batch(tmp_path: Path) -> None:
    from onestep.training.trainer.settings_file import text_of

    pictures = unpaired_pictures(tmp_path / "pictures")
    rates = {"learning_rate": 1e-4, "discriminator_learning_rate": 1e-4, "epsilon": 1.0}
    settings = unpaired_settings(pictures, max_steps=2, save_every=2, **rates)
    (tmp_path / "settings.toml").write_text(text_of(settings), "utf-8")
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port())]
    command = ["-m", "onestep", "train", "unpaired", "--config", str(tmp_path / "settings.toml"), "-o"]
    result = subprocess.run(
        [*launch, *command, str(tmp_path / "two")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Checkpoint: ") == 1 and result.stderr.count("Memory plan") == 1  # one process speaks
    trained(settings, tmp_path / "one")
    one, two = state_tensors(tmp_path / "one"), state_tensors(tmp_path / "two")
    assert one.keys() == two.keys()
    start = torch.load(tmp_path / "one" / "last" / "step-00000000.pt", weights_only=True)
    for part in ("generator", "discriminators"):
        ends = [
            (one[f"state.{part}.{name}"], two[f"state.{part}.{name}"], begun) for name, begun in start[part].items()
        ]
        apart = torch.cat([(ours - theirs).flatten() for ours, theirs, _ in ends])
        moved = torch.cat([(ours - begun).flatten() for ours, _, begun in ends])
        assert apart.abs().max() <= ABSOLUTE
        assert apart.norm() <= RELATIVE * moved.norm()


def test_halves_of_a_batch_have_the_gradient_of_the_whole(tmp_path: Path) -> None:
    """The same in one process and in float64, but for the losses: what is left is their rounding."""
    settings = unpaired_settings(unpaired_pictures(tmp_path / "pictures"))
    processes = Processes(settings.machine)
    try:
        ready = prepare(settings, processes, download=False)
    finally:
        processes.close()
    generator, judges = ready.state.generator.double(), ready.state.discriminators.double()
    task: Any = ready.task
    embeddings = {direction: text.double() for direction, text in task.objective.embeddings.items()}
    objective = dataclasses.replace(task.objective, translate=generator, embeddings=embeddings)

    def gradients(count: int) -> tuple[Tensor, Tensor]:
        for module in (generator, judges):
            module.zero_grad(set_to_none=True)
        for rank in range(2 // count):
            batch = dataclasses.replace(task.batches, batch_size=count).at(0, rank, 2 // count)
            doubled = dataclasses.replace(batch, a=batch.a.double(), b=batch.b.double())
            objective.backward(doubled, StepChance(42, 0, rank * count, count))
        return tuple(flat_gradient(module) * count / 2 for module in (generator, judges))  # type: ignore[return-value]

    for whole, halves in zip(gradients(2), gradients(1), strict=True):
        assert (whole - halves).norm() <= 1e-6 * whole.norm()


def flat_gradient(module: nn.Module) -> Tensor:
    """All gradients of a module as one vector."""
    return torch.cat([tensor.grad.flatten() for tensor in module.parameters() if tensor.grad is not None])
