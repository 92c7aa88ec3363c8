"""A plain CycleGAN (Zhu et al. 2017, arXiv 1703.10593) on the same pictures, for the same wall time.

Two ResNet generators with nine blocks and two 70x70 patch discriminators; least-squares adversarial loss, cycle L1 with
weight 10, identity L1 with weight 5, an image buffer of 50 (Shrivastava et al. 2017), Adam at 2e-4 with beta1 0.5, one
picture per step, weights from N(0, 0.02), flips. What differs: generators and discriminators are narrower, since the
paper's 64 channels would do a few hundred steps in an hour on a processor; the learning rate does not decay, since the
time is fixed and not the number of epochs; discriminators have no augmentation of their own, as in the paper.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.cyclegan_networks import ImageBuffer, initialised, least_squares, narrow_generator
from onestep.atomic import whole_file
from onestep.errors import SettingError, TrainingError
from onestep.training.data.batches import tensor_from_picture
from onestep.training.discriminators.patch import PatchDiscriminator

Picture = NDArray[np.uint8]
_FRAME_MULTIPLE = 4


@dataclass(frozen=True)
class GanSettings:
    """Of the plain CycleGAN."""

    width: int = 24
    """Channels of the generators' first layer; the paper's is 64."""
    discriminator_width: int = 32
    """The paper's is 64."""
    learning_rate: float = 2e-4
    cycle_weight: float = 10.0
    identity_weight: float = 5.0
    buffer_size: int = 50
    max_steps: int = 10_000_000
    max_seconds: float = 3600.0
    """From the first step on; what comes first of this and `max_steps` ends the training."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("width", "discriminator_width", "max_steps"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} of the CycleGAN is {getattr(self, name)}, and it must be 1 or more.")


@dataclass(frozen=True)
class GanRun:
    """What was trained: the generator from A to B, and how long that took."""

    generator: nn.Module
    steps: int
    seconds: float

    def translate(self, picture: Picture) -> Picture:
        """Translate uint8 [H, W, 3], sides multiples of 4."""
        with torch.inference_mode():
            image = self.generator(tensor_from_picture(picture)[None])[0].permute(1, 2, 0)
        levels: Picture = (image * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8).numpy()
        return levels


class CycleGan:
    """Networks and optimisers, and one step of each.

    Args:
        settings: All settings.
    """

    def __init__(self, settings: GanSettings) -> None:
        self._settings = settings
        torch.manual_seed(settings.seed)
        self.a2b, self.b2a = (initialised(narrow_generator(settings.width)) for _ in range(2))
        self._judge_a, self._judge_b = (
            initialised(PatchDiscriminator(augment=False, width=settings.discriminator_width)) for _ in range(2)
        )
        rng = np.random.default_rng(settings.seed)
        self._buffer_a, self._buffer_b = (ImageBuffer(settings.buffer_size, rng) for _ in range(2))
        self._generators = _adam((self.a2b, self.b2a), settings.learning_rate)
        self._judges = _adam((self._judge_a, self._judge_b), settings.learning_rate)

    def step(self, a: Tensor, b: Tensor) -> dict[str, float]:
        """Do one step of the generators and one of the discriminators on `[1, 3, H, W]` in [-1, 1] of each side.

        Returns:
            The losses, weighted.

        Raises:
            TrainingError: A loss is not finite.
        """
        self._set_judges_trained(False)
        fake_a, fake_b = self.b2a(b), self.a2b(a)
        losses = {
            "adversarial": least_squares(self._judge_a(fake_a), 1.0) + least_squares(self._judge_b(fake_b), 1.0),
            "cycle": self._settings.cycle_weight * (_l1(self.b2a(fake_b), a) + _l1(self.a2b(fake_a), b)),
            "identity": self._settings.identity_weight * (_l1(self.b2a(a), a) + _l1(self.a2b(b), b)),
        }
        _descend(self._generators, torch.stack(list(losses.values())).sum())
        self._set_judges_trained(True)
        old_a, old_b = self._buffer_a.exchange(fake_a.detach()), self._buffer_b.exchange(fake_b.detach())
        judged = self._judgement(self._judge_a, a, old_a) + self._judgement(self._judge_b, b, old_b)
        _descend(self._judges, judged)
        return {name: float(value.detach()) for name, value in (losses | {"discriminators": judged}).items()}

    def _judgement(self, judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (least_squares(judge(real), 1.0) + least_squares(judge(fake), 0.0))

    def _set_judges_trained(self, trained: bool) -> None:
        for judge in (self._judge_a, self._judge_b):
            judge.requires_grad_(trained)


def trained_cyclegan(
    side_a: Sequence[Picture],
    side_b: Sequence[Picture],
    *,
    settings: GanSettings,
    on_step: Callable[[int, dict[str, float]], None] = lambda step, losses: None,
) -> GanRun:
    """Train on two sides of pictures until steps or seconds are over; at least one step is done.

    Args:
        side_a: uint8 [H, W, 3], all of one size whose sides are multiples of 4.
        side_b: The same.
        settings: All settings.
        on_step: Called with the number of steps that are done and the losses.

    Raises:
        SettingError: The size does not fit.
        TrainingError: A loss is not finite.
    """
    height, width = side_a[0].shape[:2]
    if height % _FRAME_MULTIPLE or width % _FRAME_MULTIPLE:
        raise SettingError(f"The CycleGAN needs sides that are multiples of {_FRAME_MULTIPLE}, got {width}x{height}.")
    gan, rng = CycleGan(settings), np.random.default_rng([settings.seed, 1])
    start = time.monotonic()
    for step in itertools.count(1):
        losses = gan.step(_drawn(side_a, rng), _drawn(side_b, rng))
        seconds = time.monotonic() - start
        on_step(step, losses)
        if step >= settings.max_steps or seconds >= settings.max_seconds:
            break
    return GanRun(gan.a2b.eval().requires_grad_(False), step, seconds)


def saved_or_trained(path: Path, settings: GanSettings, train: Callable[[], GanRun]) -> GanRun:
    """Return the run that was saved with these settings, or train one and save it.

    Raises:
        SettingError: One of other settings lies there.
    """
    described = json.dumps(asdict(settings))
    if not path.exists():
        run = train()
        content = {"settings": described, "steps": run.steps, "seconds": run.seconds, "a2b": run.generator.state_dict()}
        with whole_file(path) as partial:
            torch.save(content, partial)
        return run
    saved: dict[str, Any] = torch.load(path, weights_only=True)
    if saved["settings"] != described:
        raise SettingError(
            f"{path} was trained with other settings: {saved['settings']}, and now they are {described}. Leave them "
            "as they were, remove the file, or choose another -o."
        )
    generator = narrow_generator(settings.width)
    generator.load_state_dict(saved["a2b"])
    return GanRun(generator.eval().requires_grad_(False), saved["steps"], saved["seconds"])


def _adam(networks: Iterable[nn.Module], rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for network in networks for p in network.parameters()], lr=rate, betas=(0.5, 0.999))


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    if not torch.isfinite(loss):
        raise TrainingError(f"A loss of the CycleGAN is {float(loss.detach())}. Lower its learning rate.")
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _l1(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().mean()


def _drawn(side: Sequence[Picture], rng: np.random.Generator) -> Tensor:
    picture = side[int(rng.integers(len(side)))]
    return tensor_from_picture(np.ascontiguousarray(picture[:, ::-1]) if rng.random() < 0.5 else picture)[None]
