"""A training's state in one safetensors file: no pickle, and never half written."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from onestep.atomic import whole_file
from onestep.errors import CheckpointError, OutputError

_FORMAT = "onestep-student-progress-3"
_STEP = "step"
_STATE = (_STEP, "exp_avg", "exp_avg_sq", "momentum_buffer")
"""What Adam and Muon keep of each weight; the step stays on the CPU."""

Optimised = tuple[nn.Module, Sequence[torch.optim.Optimizer]]
"""A network and the optimisers that train it, each some of its weights."""


def save_progress(path: Path, step: int, average: nn.Module, trained: Mapping[str, Optimised]) -> None:
    """Write the average, and of each trained network the weights and the state of its optimisers.

    Raises:
        OutputError: The disk is full or cannot be written; the file of before is as it was.
    """
    tensors = _named(average, trained)
    for part, optimised in trained.items():
        for name, parameter, optimiser in _trained_weights(optimised):
            state = optimiser.state.get(parameter, {})
            tensors |= {f"{key}.{part}.{name}": state[key] for key in _STATE if key in state}
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        with whole_file(path) as partial:
            save_file(plain, partial, metadata={"format": _FORMAT, "step": str(step)})
    except (OSError, SafetensorError) as err:  # safetensors has an error of its own for a full disk
        kept = f"{path} is of the step that was saved before" if path.exists() else "No step was saved before"
        raise OutputError(
            f"Saving step {step} to {path} failed: {err}. {kept}. Make room, or let it be written; the same "
            "command goes on from there."
        ) from err


def load_progress(path: Path, average: nn.Module, trained: Mapping[str, Optimised]) -> int:
    """Read what `save_progress` wrote into networks of the same shape, and return the step.

    Raises:
        CheckpointError: The file is damaged, or is of another student.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        tensors = load_file(path)
    except (OSError, SafetensorError) as err:
        raise CheckpointError(f"{path} cannot be read ({err}). Remove it, and the training starts anew.") from err
    expected = _named(average, trained)
    fits = all(name in tensors and tensors[name].shape == tensor.shape for name, tensor in expected.items())
    if metadata.get("format") != _FORMAT or not fits:
        raise CheckpointError(
            f"{path} is the progress of another student, or of another version of onestep. Remove it, or choose "
            "another place with -o."
        )
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(tensors[name])
    for part, optimised in trained.items():
        _load_state(tensors, part, optimised)
    return int(metadata["step"])


def _load_state(tensors: dict[str, Tensor], part: str, optimised: Optimised) -> None:
    for name, parameter, optimiser in _trained_weights(optimised):
        found = {key: tensors.get(f"{key}.{part}.{name}") for key in _STATE}
        optimiser.state[parameter] = {
            key: tensor.clone() if key == _STEP else torch.empty_like(parameter).copy_(tensor)
            for key, tensor in found.items()
            if tensor is not None
        }


def _trained_weights(optimised: Optimised) -> Iterator[tuple[str, nn.Parameter, torch.optim.Optimizer]]:
    """Yield the name of each weight, the weight, and the optimiser that has it."""
    network, optimisers = optimised
    names = {parameter: name for name, parameter in network.named_parameters()}
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                yield names[parameter], parameter, optimiser


def _named(average: nn.Module, trained: Mapping[str, Optimised]) -> dict[str, Tensor]:
    parts = {"average": average, **{part: network for part, (network, _) in trained.items()}}
    return {f"{part}.{name}": tensor for part, module in parts.items() for name, tensor in module.named_parameters()}
