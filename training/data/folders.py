"""What a folder of training pictures holds, whatever its layout on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onestep.errors import InputError
from onestep.runtime.pictures import READ_SUFFIXES

FEWEST: Final = 2
"""A side of one picture has nothing to learn from but that picture."""


@dataclass(frozen=True)
class UnpairedFolder:
    """Two domains, A and B, that share no pictures.

    Attributes:
        layout: Name of the layout that was recognised.
        train_a: Pictures of A, sorted by name.
        train_b: Pictures of B.
        test_a: Pictures of A that training never sees; may be none.
        test_b: The same for B.
        prompt_a: Text that describes A, the prompt of the direction b2a; None where the folder has none.
        prompt_b: Text that describes B, the prompt of the direction a2b.
    """

    layout: str
    train_a: tuple[Path, ...]
    train_b: tuple[Path, ...]
    test_a: tuple[Path, ...] = ()
    test_b: tuple[Path, ...] = ()
    prompt_a: str | None = None
    prompt_b: str | None = None

    def __post_init__(self) -> None:
        for side, pictures in (("A", self.train_a), ("B", self.train_b)):
            if len(pictures) < FEWEST:
                raise InputError(
                    f"Side {side} has {len(pictures)} training picture{'s'[: len(pictures) != 1]}, and each side needs "
                    f"{FEWEST} or more; from 10 on it is worth trying. "
                    f"Looked for files that end in {', '.join(READ_SUFFIXES)}, in any case."
                )


@dataclass(frozen=True)
class Pair:
    """One picture, what it shall become, and the text that describes the latter."""

    source: Path
    target: Path
    caption: str


@dataclass(frozen=True)
class PairedFolder:
    """Pairs of pictures for training, and others to test on.

    Attributes:
        layout: Name of the layout that was recognised.
        train: Pairs in the order of the file that names them.
        test: Pairs that training never sees; may be none.
    """

    layout: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        if len(self.train) < FEWEST:
            raise InputError(
                f"There {'is one training pair' if self.train else 'are no training pairs'}, and {FEWEST} or more are "
                "needed; from 10 on it is worth trying."
            )


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """Return the pictures directly in a folder, known by their suffix in any case, sorted by name."""
    return tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in READ_SUFFIXES and path.is_file()))
