"""CycleGAN-Turbo's objective: there and back again, identity, and a discriminator for each side.

Parmar et al. 2024, section 3.3; `src/train_cyclegan_turbo.py` of GaParmar/img2img-turbo. Departures: each picture is
translated once for the cycle and for the discriminator, and all terms lead to one step of the optimiser. The backward
pass runs after each direction, so that two passes through the generator are in memory at once and not four.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.data.batches import UnpairedBatch
from onestep.training.losses.perceptual import Perceptual
from onestep.training.losses.reconstruction import l1_and_perceptual
from onestep.training.objectives.objective import Adversary, Draw, Translate, backward_sum, frozen
from onestep.training.trainer.settings import UnpairedLosses

SIDES = ("a", "b")
"""Names of the discriminators, each after the side whose pictures it takes for real."""
BACK: dict[Direction, Direction] = {"a2b": "b2a", "b2a": "a2b"}
"""The way back from each direction."""


@dataclass(frozen=True)
class UnpairedObjective:
    """One step on pictures of two sides.

    Attributes:
        translate: The generator.
        embeddings: Prompt embedding of each direction, `[1, T, D]`.
        perceptual: Distance for cycle and identity.
        adversary: Discriminators `a` and `b`.
        weights: Weights of the terms.
    """

    translate: Translate
    embeddings: Mapping[Direction, Tensor]
    perceptual: Perceptual
    adversary: Adversary
    weights: UnpairedLosses

    def backward(self, batch: UnpairedBatch, draw: Draw) -> dict[str, Tensor]:
        """See `Objective.backward`."""
        losses: dict[str, Tensor] = {}
        with frozen(self.adversary.networks):
            fake_b = self._cycle(batch.a, "a2b", "b", draw, losses)
            fake_a = self._cycle(batch.b, "b2a", "a", draw, losses)
            if self.weights.identity_weight or self.weights.identity_perceptual_weight:
                self._identity(batch.b, "a2b", losses)
                self._identity(batch.a, "b2a", losses)
        if self.adversary.weight:
            for side, real, fake in (("a", batch.a, fake_a), ("b", batch.b, fake_b)):
                losses[f"discriminator_{side}"] = self.adversary.backward(side, real=real, fake=fake, draw=draw)
        return losses

    def _cycle(self, real: Tensor, direction: Direction, judge: str, draw: Draw, losses: dict[str, Tensor]) -> Tensor:
        """Go there and back again, and return the picture in between, detached."""
        fake = self._translated(direction, real)
        again = self._translated(BACK[direction], fake)
        terms = l1_and_perceptual(
            again,
            real,
            perceptual=self.perceptual,
            l1_weight=self.weights.cycle_weight,
            perceptual_weight=self.weights.cycle_perceptual_weight,
        )
        named = {f"cycle_{name}": term for name, term in terms.items()}
        if self.adversary.weight:
            named[f"gan_{judge}"] = self.adversary.fooled(judge, fake, draw)
        backward_sum(named, into=losses)
        return fake.detach()

    def _identity(self, real: Tensor, direction: Direction, losses: dict[str, Tensor]) -> None:
        """Translate a picture that is of the target side already: nothing should change."""
        terms = l1_and_perceptual(
            self._translated(direction, real),
            real,
            perceptual=self.perceptual,
            l1_weight=self.weights.identity_weight,
            perceptual_weight=self.weights.identity_perceptual_weight,
        )
        backward_sum({f"identity_{name}": term for name, term in terms.items()}, into=losses)

    def _translated(self, direction: Direction, image: Tensor) -> Tensor:
        return self.translate(direction, image, self.embeddings[direction])
