"""What the loop asks of an objective, and what both objectives share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor, nn

from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.losses.adversarial import AdversarialKind, discriminator_loss, generator_loss

Translate = Callable[[Direction, Tensor, Tensor], Tensor]
"""The generator: direction, `[B, 3, H, W]` in [-1, 1], prompt embedding, to `[B, 3, H, W] float32` in [-1, 1]."""
Draw = Callable[[str], Tensor]
"""Random numbers of a step for the augmentation of a batch, `[B, 7]`; another name gives others."""
BatchT = TypeVar("BatchT", contravariant=True)


class Objective(Protocol[BatchT]):
    """One training step's losses and gradients."""

    def backward(self, batch: BatchT, draw: Draw) -> dict[str, Tensor]:
        """Add the gradients of one step to generator and discriminators.

        The discriminators' come from the pictures of this same step, detached; they get none from the generator's part.

        Args:
            batch: The pictures of this process.
            draw: Random numbers for the discriminators' augmentation.

        Returns:
            Each term, weighted, as a detached float32 scalar.
        """
        ...


@dataclass(frozen=True)
class Adversary:
    """The discriminators and how they are trained: each judges one kind of picture.

    Attributes:
        networks: Discriminators by name.
        kind: The adversarial objective.
        weight: Weight of the generator's and, halved for real and fake, of the discriminators' terms.
    """

    networks: nn.ModuleDict
    kind: AdversarialKind
    weight: float

    def fooled(self, name: str, fake: Tensor, draw: Draw) -> Tensor:
        """Return the generator's term for pictures that discriminator `name` judges."""
        return self.weight * generator_loss(self.networks[name](fake, draw(f"generator {name}")), self.kind)

    def backward(self, name: str, *, real: Tensor, fake: Tensor, draw: Draw) -> Tensor:
        """Add the gradients of discriminator `name`, and return its term, detached."""
        judge = self.networks[name]
        on_real = judge(real, draw(f"real {name}"))
        on_fake = judge(fake.detach(), draw(f"fake {name}"))
        loss = 0.5 * self.weight * discriminator_loss(on_real, on_fake, self.kind)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Keep gradients out of a module's parameters; they pass through it to its input."""
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


def backward_sum(terms: Mapping[str, Tensor], into: dict[str, Tensor]) -> None:
    """Add the gradients of the sum of terms, and add each term, detached, to the term of its name in `into`."""
    loss = sum(terms.values(), start=next(iter(terms.values())).new_zeros(()))
    loss.backward()  # type: ignore[no-untyped-call]
    for name, term in terms.items():
        into[name] = into.get(name, term.new_zeros(())) + term.detach()
