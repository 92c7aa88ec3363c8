"""A training's state in one safetensors file: no pickle, and never half written."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from onestep.errors import CheckpointError

_FORMAT = "onestep-student-progress-1"
_MOMENTS = ("exp_avg", "exp_avg_sq")


def save_progress(
    path: Path, step: int, student: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Write the weights, their average and the moments of AdamW."""
    tensors = _named(student, average)
    for name, parameter in student.named_parameters():
        state = optimiser.state.get(parameter, {})
        tensors |= {f"{moment}.{name}": state[moment] for moment in _MOMENTS if moment in state}
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    partial = path.with_name(f".{path.name}.partial")
    save_file(plain, partial, metadata={"format": _FORMAT, "step": str(step)})
    partial.replace(path)


def load_progress(path: Path, student: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Read what `save_progress` wrote into modules of the same shape, and return the step.

    Raises:
        CheckpointError: The file is damaged, or is of another student.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        tensors = load_file(path)
    except (OSError, SafetensorError) as err:
        raise CheckpointError(f"{path} cannot be read ({err}). Remove it, and the training starts anew.") from err
    expected = _named(student, average)
    fits = all(name in tensors and tensors[name].shape == tensor.shape for name, tensor in expected.items())
    if metadata.get("format") != _FORMAT or not fits:
        raise CheckpointError(
            f"{path} is the progress of another student, or of another version of onestep. Remove it, or choose "
            "another place with -o."
        )
    step = int(metadata["step"])
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(tensors[name])
    for name, parameter in student.named_parameters():
        moments = {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS if f"{moment}.{name}" in tensors}
        if moments:
            moments = {
                key: value.to(parameter.device).clone(memory_format=torch.preserve_format)
                for key, value in moments.items()
            }
            optimiser.state[parameter] = {"step": torch.tensor(float(step)), **moments}
    return step


def _named(student: nn.Module, average: nn.Module) -> dict[str, Tensor]:
    parts = (("student", student), ("average", average))
    return {f"{part}.{name}": tensor for part, module in parts for name, tensor in module.named_parameters()}
