"""A student's opponent: it tells the truth from what the student makes of the same picture.

A distance to one known result asks for the mean of all results that are possible, which by rain is a dull road and by
night a dim window. An opponent that sees the picture and the result together asks for one that could be true (the
conditional discriminator of pix2pix, Isola et al. 2017), with the hinge objective (Lim & Ye 2017).
"""

import torch
from torch import Tensor, nn

from onestep.training.discriminators.patch import PatchDiscriminator
from onestep.training.losses.adversarial import discriminator_loss, generator_loss
from onestep.training.objectives.objective import frozen

_WIDTH = 32
_RATE = 2e-4
_BETAS = (0.5, 0.999)


class Critic:
    """A patch discriminator with six channels, and its optimiser.

    Its weights come from torch's global random state.

    Args:
        bfloat16: Compute forward and backward in bfloat16, weights and losses in float32.
    """

    def __init__(self, *, bfloat16: bool) -> None:
        self._bfloat16 = bfloat16
        self.network = PatchDiscriminator(augment=False, width=_WIDTH, channels=6)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=_RATE, betas=_BETAS)

    def opinion(self, image: Tensor, result: Tensor) -> Tensor:
        """Return the student's loss, a float32 scalar: the lower, the more its results look true.

        Args:
            image: What the student was given, `[B, 3, h, w]` in [-1, 1].
            result: What it made of it, the same shape.
        """
        with frozen(self.network):
            return generator_loss(self._logits(image, result), "hinge")

    def learn(self, image: Tensor, truth: Tensor, result: Tensor) -> Tensor:
        """Take one step towards telling `truth` from `result`, which is detached; return the loss before it.

        The loss is 2 where the critic cannot tell. Where it or its gradient is not finite no step is taken, and that
        is returned.
        """
        self.optimiser.zero_grad(set_to_none=True)
        loss = discriminator_loss(self._logits(image, truth), self._logits(image, result), "hinge")
        if not torch.isfinite(loss):
            return loss.detach()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.get_total_norm([weight.grad for weight in self.network.parameters() if weight.grad is not None])
        if not torch.isfinite(norm):
            return norm
        self.optimiser.step()
        return loss.detach()

    def _logits(self, image: Tensor, judged: Tensor) -> list[Tensor]:
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self._bfloat16):
            logits: list[Tensor] = self.network(torch.cat([image, judged], dim=1))
        return logits
