"""pix2pix-turbo's objective: L2, perceptual distance and caption similarity to a known target, and a discriminator.

Parmar et al. 2024, section 3.4; `src/train_pix2pix_turbo.py` of GaParmar/img2img-turbo. Departures: one pass through
the generator for all terms and one step of the optimiser; the caption term is that of each picture's own caption.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from onestep.training.data.batches import PairedBatch
from onestep.training.losses.perceptual import Perceptual
from onestep.training.losses.reconstruction import l2_and_perceptual
from onestep.training.objectives.objective import Adversary, Draw, Translate, backward_sum, frozen
from onestep.training.trainer.settings import PairedLosses

JUDGE = "target"
"""Name of the discriminator."""


@dataclass(frozen=True)
class PairedObjective:
    """One step on pairs.

    Attributes:
        translate: The generator.
        embed: Captions to prompt embeddings, `[B, T, D]`.
        perceptual: Distance to the target.
        caption_loss: Pictures and captions to `[B]`; None leaves the term out.
        adversary: Discriminator `target`.
        weights: Weights of the terms.
    """

    translate: Translate
    embed: Callable[[Sequence[str]], Tensor]
    perceptual: Perceptual
    caption_loss: Callable[[Tensor, Sequence[str]], Tensor] | None
    adversary: Adversary
    weights: PairedLosses

    def backward(self, batch: PairedBatch, draw: Draw) -> dict[str, Tensor]:
        """See `Objective.backward`."""
        losses: dict[str, Tensor] = {}
        with frozen(self.adversary.networks):
            fake = self.translate("paired", batch.source, self.embed(batch.captions))
            backward_sum(self._terms(fake, batch, draw), into=losses)
        if self.adversary.weight:
            losses["discriminator"] = self.adversary.backward(JUDGE, real=batch.target, fake=fake, draw=draw)
        return losses

    def _terms(self, fake: Tensor, batch: PairedBatch, draw: Draw) -> dict[str, Tensor]:
        terms = l2_and_perceptual(
            fake,
            batch.target,
            perceptual=self.perceptual,
            l2_weight=self.weights.l2_weight,
            perceptual_weight=self.weights.perceptual_weight,
        )
        if self.caption_loss is not None:
            terms["clip"] = self.weights.clip_weight * self.caption_loss(fake, batch.captions).mean()
        if self.adversary.weight:
            terms["gan"] = self.adversary.fooled(JUDGE, fake, draw)
        return terms
