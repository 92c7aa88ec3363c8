"""A checkpoint in memory: the same form for every kind and file format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import Tensor

from onestep.errors import CheckpointError

Direction = Literal["a2b", "b2a", "paired"]
Kind = Literal["unpaired", "paired", "stochastic"]
KINDS: tuple[Kind, ...] = ("unpaired", "paired", "stochastic")
DIRECTIONS: tuple[Direction, ...] = ("a2b", "b2a", "paired")

UNSTATED_LICENCE = "not stated in the file; the published img2img-turbo weights follow Stability AI's SD-Turbo licence"


@dataclass(frozen=True)
class LowRankPair:
    """The two factors of one layer's adaptation (Hu et al. 2021): its weight changes by scale * up @ down."""

    down: Tensor
    """`lora_A`: `[r, in]`, or `[r, in, k, k]` for a convolution."""
    up: Tensor
    """`lora_B`: `[out, r]`, or `[out, r, 1, 1]` for a convolution."""


@dataclass(frozen=True)
class PartWeights:
    """What a checkpoint holds of one part of the network. Names are those of the part's own modules."""

    rank: int
    alpha: float
    targets: tuple[str, ...] = ()
    """Names, or ends of names, of the layers that must have a pair."""
    pairs: Mapping[str, LowRankPair] = field(default_factory=dict)
    """By module name."""
    full: Mapping[str, Tensor] = field(default_factory=dict)
    """Tensors that replace the base's, by tensor name."""
    full_at_strength: Mapping[str, Tensor] = field(default_factory=dict)
    """Stochastic only: tensors that take the place of the frozen ones in the measure of the strength."""
    complete: bool = False
    """Whether `full` must hold every tensor of the part."""

    @property
    def scale(self) -> float:
        """Factor of every pair's product."""
        return self.alpha / self.rank


@dataclass(frozen=True)
class DirectionWeights:
    """What belongs to one direction of translation alone."""

    vae: PartWeights
    skips: PartWeights
    """Of `SkipConvolutions`: the layers `convs.0` and on, from the latent's resolution upwards."""
    prompt: str | None = None
    """None where the file does not say."""


@dataclass(frozen=True)
class Checkpoint:
    """All that a file holds, and where it came from."""

    kind: Kind
    unet: PartWeights
    directions: Mapping[Direction, DirectionWeights]
    path: Path
    """Of the file."""
    sha256: str
    """Of a published file; of the content of this project's own."""
    licence: str = UNSTATED_LICENCE
    base: str | None = None
    """Name of the base that it was trained on; None where the file does not say."""
    base_sha256: str | None = None
    """Of that base's weights (`base_sha256`); None where the file does not say."""
    preferred_size: tuple[int, int] | None = None
    """Width and height in pixels of the pictures that it was trained on; None where the file does not say."""

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    @property
    def input_range(self) -> tuple[float, float]:
        """Range of the encoder's input; pix2pix-turbo was trained without normalising it."""
        return (-1.0, 1.0) if self.kind == "unpaired" else (0.0, 1.0)

    def chosen_direction(self, asked: Direction | None) -> Direction:
        """Return the direction to use.

        Args:
            asked: What the user named; None takes the only one.

        Raises:
            CheckpointError: The checkpoint lacks that direction, or has two and none was named.
        """
        known = ", ".join(self.directions)
        if asked is None and len(self.directions) == 1:
            return next(iter(self.directions))
        if asked is None:
            raise CheckpointError(f"The checkpoint {self.name} translates in two directions: name one of {known}.")
        if asked not in self.directions:
            hint = "" if len(self.directions) > 1 else " Leave the direction out."
            raise CheckpointError(
                f"The checkpoint {self.name} is {self.kind} and has no direction {asked!r}; it has: {known}.{hint}"
            )
        return asked

    def chosen_prompt(self, direction: Direction, asked: str | None) -> str:
        """Return the prompt to use.

        Args:
            direction: One that the checkpoint has.
            asked: What the user or the domain gave; may be empty. None takes the checkpoint's own.

        Raises:
            CheckpointError: Nobody gave one.
        """
        prompt = self.directions[direction].prompt if asked is None else asked
        if prompt is None:
            raise CheckpointError(
                f"The checkpoint {self.name} stores no prompt for {direction}, and it only works with the one that it "
                "was trained with. Name the domain that it belongs to, or give the text with --prompt."
            )
        return prompt
