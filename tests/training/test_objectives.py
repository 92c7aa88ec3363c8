"""The objectives against the same sums written out at once, and who gets which gradient."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.data import PairedBatch, UnpairedBatch
from onestep.training.objectives.objective import Adversary, backward_sum, frozen
from onestep.training.objectives.paired import PairedObjective
from onestep.training.objectives.unpaired import UnpairedObjective
from onestep.training.trainer.settings import PairedLosses, UnpairedLosses

NUMBERS = torch.zeros(2, 7)


class SmallGenerator(nn.Module):
    """A convolution per direction, moved by the mean of the prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Conv2d(3, 3, 3, padding=1) for name in ("a2b", "b2a", "paired")})
        self.calls: list[str] = []

    def forward(self, direction: Direction, image: Tensor, text: Tensor) -> Tensor:
        """Translate."""
        self.calls.append(direction)
        return torch.tanh(self.layers[direction](image) + text.mean(dim=(1, 2))[:, None, None, None])


class SmallJudge(nn.Module):
    """Two levels of logits; notes the numbers that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 1, 3)
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor, numbers: Tensor) -> list[Tensor]:
        """Judge."""
        self.seen.append(numbers)
        features = F.leaky_relu(self.first(images))
        return [features.mean(dim=1, keepdim=True), self.second(features)]


def distance(a: Tensor, b: Tensor) -> Tensor:
    """A perceptual distance: difference of blurred squares."""
    return (F.avg_pool2d(a, 2) - F.avg_pool2d(b, 2)).square().mean(dim=(1, 2, 3))


def cross_entropy(levels: Sequence[Tensor], target: float) -> Tensor:
    """Sum over levels of the binary cross-entropy, written out."""
    parts = [
        -(target * torch.sigmoid(level).log() + (1 - target) * (1 - torch.sigmoid(level)).log()).mean()
        for level in levels
    ]
    return torch.stack(parts).sum()


def gradients(module: nn.Module) -> dict[str, Tensor]:
    """A copy of each gradient, taken off."""
    found = {name: tensor.grad.clone() for name, tensor in module.named_parameters() if tensor.grad is not None}
    module.zero_grad(set_to_none=True)
    return found


def assert_close(ours: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Assert equality of two tables of gradients."""
    assert ours.keys() == expected.keys() and ours
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-5, atol=1e-7)


@pytest.fixture
def unpaired() -> tuple[UnpairedObjective, SmallGenerator, nn.ModuleDict]:
    """An objective whose weights all differ."""
    generator, judges = SmallGenerator(), nn.ModuleDict({"a": SmallJudge(), "b": SmallJudge()})
    weights = UnpairedLosses(
        cycle_weight=1.5,
        cycle_perceptual_weight=7.0,
        identity_weight=0.8,
        identity_perceptual_weight=1.2,
        gan_weight=0.6,
    )
    embeddings: dict[Direction, Tensor] = {"a2b": torch.full((1, 4, 2), 0.1), "b2a": torch.full((1, 4, 2), -0.2)}
    adversary = Adversary(judges, "multilevel_sigmoid", 0.6)
    return UnpairedObjective(generator, embeddings, distance, adversary, weights), generator, judges


def unpaired_batch() -> UnpairedBatch:
    """Two pictures a side."""
    return UnpairedBatch(a=torch.rand(2, 3, 12, 12) * 2 - 1, b=torch.rand(2, 3, 12, 12) - 1)


def draw(name: str) -> Tensor:
    """The same numbers for every name."""
    return NUMBERS


def test_unpaired_equals_the_published_sum(unpaired: tuple[UnpairedObjective, SmallGenerator, nn.ModuleDict]) -> None:
    objective, generator, judges = unpaired
    batch = unpaired_batch()
    losses = objective.backward(batch, draw)
    ours, ours_of_judges = gradients(generator), gradients(judges)

    def to_b(x: Tensor) -> Tensor:
        return generator.forward("a2b", x, objective.embeddings["a2b"])

    def to_a(x: Tensor) -> Tensor:
        return generator.forward("b2a", x, objective.embeddings["b2a"])

    fake_b, fake_a = to_b(batch.a), to_a(batch.b)
    back_a, back_b, same_b, same_a = to_a(fake_b), to_b(fake_a), to_b(batch.b), to_a(batch.a)
    cycle_l1 = 1.5 * ((back_a - batch.a).abs().mean() + (back_b - batch.b).abs().mean())
    cycle_far = 7.0 * (distance(back_a, batch.a).mean() + distance(back_b, batch.b).mean())
    same_l1 = 0.8 * ((same_a - batch.a).abs().mean() + (same_b - batch.b).abs().mean())
    same_far = 1.2 * (distance(same_a, batch.a).mean() + distance(same_b, batch.b).mean())
    gan_b = 0.6 * cross_entropy(judges["b"](fake_b, NUMBERS), 1.0)
    gan_a = 0.6 * cross_entropy(judges["a"](fake_a, NUMBERS), 1.0)
    torch.autograd.backward(cycle_l1 + cycle_far + same_l1 + same_far + gan_a + gan_b)
    assert_close(ours, gradients(generator))
    judges.zero_grad(set_to_none=True)

    judged = {}
    for side, real, fake in (("a", batch.a, fake_a), ("b", batch.b, fake_b)):
        on_real, on_fake = judges[side](real, NUMBERS), judges[side](fake.detach(), NUMBERS)
        judged[side] = 0.5 * 0.6 * (cross_entropy(on_real, 1.0) + cross_entropy(on_fake, 0.0))
        torch.autograd.backward(judged[side])
    assert_close(ours_of_judges, gradients(judges))
    expected = {
        "cycle_l1": cycle_l1,
        "cycle_perceptual": cycle_far,
        "identity_l1": same_l1,
        "identity_perceptual": same_far,
        "gan_a": gan_a,
        "gan_b": gan_b,
        "discriminator_a": judged["a"],
        "discriminator_b": judged["b"],
    }
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        assert not loss.requires_grad and float(loss) == pytest.approx(float(expected[name].detach()), rel=1e-5)


def test_each_picture_is_translated_once_for_cycle_and_discriminator(
    unpaired: tuple[UnpairedObjective, SmallGenerator, nn.ModuleDict],
) -> None:
    objective, generator, _ = unpaired
    objective.backward(unpaired_batch(), draw)
    assert generator.calls == ["a2b", "b2a", "b2a", "a2b", "a2b", "b2a"]


def test_no_gradient_of_the_generators_part_reaches_the_discriminators(
    unpaired: tuple[UnpairedObjective, SmallGenerator, nn.ModuleDict], monkeypatch: Any
) -> None:
    objective, generator, judges = unpaired
    monkeypatch.setattr(Adversary, "backward", lambda *_, **__: torch.zeros(()))
    objective.backward(unpaired_batch(), draw)
    assert gradients(generator) and not gradients(judges)
    assert all(parameter.requires_grad for parameter in judges.parameters())


def test_no_gradient_of_the_discriminators_part_reaches_the_generator() -> None:
    judge = SmallJudge()
    fake = torch.rand(2, 3, 12, 12, requires_grad=True)
    adversary = Adversary(nn.ModuleDict({"b": judge}), "multilevel_sigmoid", 1.0)
    adversary.backward("b", real=torch.rand(2, 3, 12, 12), fake=fake, draw=draw)
    assert fake.grad is None and gradients(judge)


def test_generator_real_and_fake_draw_apart() -> None:
    names: list[str] = []

    def noted(name: str) -> Tensor:
        names.append(name)
        return NUMBERS

    adversary = Adversary(nn.ModuleDict({"b": SmallJudge()}), "multilevel_sigmoid", 1.0)
    pictures = torch.rand(2, 3, 12, 12)
    adversary.fooled("b", pictures, noted)
    adversary.backward("b", real=pictures, fake=pictures, draw=noted)
    assert names == ["generator b", "real b", "fake b"]


def test_weights_of_zero_leave_their_passes_out(
    unpaired: tuple[UnpairedObjective, SmallGenerator, nn.ModuleDict],
) -> None:
    _, generator, _ = unpaired
    weights = UnpairedLosses(identity_weight=0.0, identity_perceptual_weight=0.0, gan_weight=0.0)
    embeddings: dict[Direction, Tensor] = {"a2b": torch.zeros(1, 4, 2), "b2a": torch.zeros(1, 4, 2)}
    adversary = Adversary(nn.ModuleDict(), "multilevel_sigmoid", 0.0)
    losses = UnpairedObjective(generator, embeddings, distance, adversary, weights).backward(unpaired_batch(), draw)
    assert losses.keys() == {"cycle_l1", "cycle_perceptual"} and len(generator.calls) == 4


def test_paired_equals_the_published_sum() -> None:
    generator, judges = SmallGenerator(), nn.ModuleDict({"target": SmallJudge()})
    weights = PairedLosses(l2_weight=1.3, perceptual_weight=5.0, clip_weight=2.0, gan_weight=0.4)
    batch = PairedBatch(torch.rand(2, 3, 12, 12), torch.rand(2, 3, 12, 12), ("a", "bcd"))

    def embed(captions: Sequence[str]) -> Tensor:
        return torch.stack([torch.full((4, 2), 0.1 * len(caption)) for caption in captions])

    def caption_loss(images: Tensor, captions: Sequence[str]) -> Tensor:
        return torch.stack([image.mean() * len(caption) for image, caption in zip(images, captions, strict=True)])

    adversary = Adversary(judges, "multilevel_sigmoid_s", 0.4)
    losses = PairedObjective(generator, embed, distance, caption_loss, adversary, weights).backward(batch, draw)
    ours, ours_of_judge = gradients(generator), gradients(judges)
    assert generator.calls == ["paired"]

    fake = generator("paired", batch.source, embed(batch.captions))
    terms = {
        "l2": 1.3 * (fake - batch.target).square().mean(),
        "perceptual": 5.0 * distance(fake, batch.target).mean(),
        "clip": 2.0 * (fake[0].mean() * 1 + fake[1].mean() * 3) / 2,
        "gan": 0.4 * cross_entropy(judges["target"](fake, NUMBERS), 0.8),
    }
    torch.autograd.backward(torch.stack(list(terms.values())).sum())
    assert_close(ours, gradients(generator))
    judges.zero_grad(set_to_none=True)
    on_real, on_fake = judges["target"](batch.target, NUMBERS), judges["target"](fake.detach(), NUMBERS)
    terms["discriminator"] = 0.5 * 0.4 * (cross_entropy(on_real, 0.8) + cross_entropy(on_fake, 0.0))
    torch.autograd.backward(terms["discriminator"])
    assert_close(ours_of_judge, gradients(judges))
    assert {name: float(loss) for name, loss in losses.items()} == {
        name: pytest.approx(float(term.detach()), rel=1e-5) for name, term in terms.items()
    }


def test_frozen_gives_back_what_was_trainable() -> None:
    network = nn.Linear(2, 2)
    network.bias.requires_grad_(False)
    with pytest.raises(SystemError), frozen(network):
        assert not any(parameter.requires_grad for parameter in network.parameters())
        raise SystemError
    assert network.weight.requires_grad and not network.bias.requires_grad


def test_backward_sum_adds_up() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    into = {"square": torch.tensor(1.0)}
    backward_sum({"square": x * x, "triple": 3 * x}, into=into)
    assert float(x.grad if x.grad is not None else 0) == 7.0
    assert {name: float(value) for name, value in into.items()} == {"square": 5.0, "triple": 6.0}
