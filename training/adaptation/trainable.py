"""The tensors that training changes, by names that do not depend on how activations are kept."""

from torch import nn

from onestep.training.adaptation.recompute import without_wrapper


def trainable_tensors(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return a module's trainable parameters by name, each once, in the module's own order."""
    return {without_wrapper(name): tensor for name, tensor in module.named_parameters() if tensor.requires_grad}


def count(module: nn.Module) -> int:
    """Return how many numbers are trained."""
    return sum(tensor.numel() for tensor in trainable_tensors(module).values())
