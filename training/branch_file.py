"""The branches of a stochastic generator as one safetensors file in its folder."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from onestep.errors import GeneratorError
from onestep.training.generator import GeneratorNetwork
from onestep.training.strength_layers import add_branches, branch_from_state, branch_states

BRANCHES_NAME = "branches.safetensors"
_SEPARATOR = "/"


def save_branches(generator: GeneratorNetwork, folder: Path) -> None:
    """Write the branches of a generator's strength-scaled layers, named `layer/tensor`."""
    states = branch_states(generator)
    tensors = {f"{layer}{_SEPARATOR}{name}": t for layer, state in states.items() for name, t in state.items()}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, str(folder / BRANCHES_NAME))


def load_branches(generator: GeneratorNetwork, folder: Path) -> None:
    """Put the saved branches beside the layers of a generator, in place and in float32.

    Raises:
        GeneratorError: The file is missing or damaged, or names layers that the generator does not have.
    """
    path = folder / BRANCHES_NAME
    try:
        tensors = load_file(str(path))
    except (OSError, SafetensorError) as err:
        raise GeneratorError(f"{path} cannot be read ({err}). A stochastic generator needs it: merge again.") from err
    states: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        layer, _, name = key.partition(_SEPARATOR)
        states.setdefault(layer, {})[name] = tensor.float()
    try:
        branches = {layer: branch_from_state(generator.get_submodule(layer), s) for layer, s in states.items()}
    except (AttributeError, KeyError) as err:
        raise GeneratorError(f"{path} does not go with the parts beside it ({err}). Merge again.") from err
    add_branches(generator, branches)
