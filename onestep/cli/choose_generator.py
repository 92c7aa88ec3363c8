"""The options of `onestep export` that say what is exported, and loading it."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from onestep.cli.stage import print_stage
from onestep.domains import PUBLISHED_LICENCE, Domain, domain, embedded_bundle, embedded_generator
from onestep.errors import SettingError
from onestep.frame_size import FrameSize

if TYPE_CHECKING:
    from onestep.training.checkpoints.checkpoint import Checkpoint, Direction
    from onestep.training.folder import PackedGenerator
    from onestep.training.students.folder import PackedStudent

FULL_SIZE_BASE = "sd-turbo"
"""What the published checkpoints were trained on."""
TINY, STUDENT = "tiny", "tiny-student"
"""What the package has of its domains: a generator on the tiny base for some, a student for each."""
_MEGABYTE = 10**6


@dataclass(frozen=True)
class GeneratorChoice:
    """What the user named: a domain, a merged generator's folder, a checkpoint, or a base alone."""

    domain: str | None
    generator: Path | None
    checkpoint: Path | None
    base: str | None
    direction: Literal["a2b", "b2a"] | None
    prompt: str | None
    download: bool = False
    size: FrameSize | None = None
    """Frame size of the export, by which the memory that it takes is foreseen."""

    def __post_init__(self) -> None:
        if self.generator is not None and (self.checkpoint or self.domain or self.base):
            raise SettingError("--generator is a whole generator: leave out --checkpoint, --base and --domain.")
        if not (self.generator or self.checkpoint or self.domain or self.base):
            raise SettingError(
                "Name what to export: --domain NAME, --generator DIR, --checkpoint FILE, or --base alone to measure."
            )
        if self.base == STUDENT and (self.domain is None or self.checkpoint is not None):
            raise SettingError(f"--base {STUDENT} is what the package has of a domain: it goes with --domain alone.")
        if self.direction is not None and self.checkpoint is None and not self.is_published:
            raise SettingError(
                "--direction goes with --checkpoint FILE or a published domain: it chooses one of the two ways that "
                "the file was trained for. Leave it out."
            )
        if self.known is not None and self.known.published_file is None and self.is_published:
            raise SettingError(
                f"No checkpoint was published for {self.domain}. Name one with --checkpoint FILE, or leave out --base "
                "to export the embedded one."
            )

    @property
    def known(self) -> Domain | None:
        """The domain that was named; raises UnknownNameError if there is none of that name."""
        return domain(self.domain) if self.domain is not None else None

    @property
    def is_published(self) -> bool:
        """Whether the domain's published checkpoint is meant."""
        return self.domain is not None and self.checkpoint is None and self.base not in (None, TINY, STUDENT)


def loaded_generator(choice: GeneratorChoice) -> "PackedGenerator | PackedStudent":
    """Load what was chosen; a checkpoint is merged into its base.

    Raises:
        OnestepError: A part is missing, damaged, or does not go with the others.
    """
    from onestep.exporter.room import check_foreseen
    from onestep.training.students.load_any import load_any_generator

    if choice.generator is not None:
        check_foreseen(choice.generator, choice.size)
        return load_any_generator(choice.generator)
    if choice.known is None and choice.checkpoint is None:
        return _untrained(choice)
    path = choice.checkpoint or _published(choice)
    if path is not None:
        return _merged(choice, path)
    assert choice.domain is not None
    return load_any_generator(_embedded(choice.domain, choice.base))


def _embedded(name: str, base: str | None) -> Path:
    """Return the folder of what the package has of a domain, and say what that is."""
    student = embedded_bundle(name)
    folder = student if base == STUDENT else embedded_generator(name)
    if base == TINY and folder == student:
        raise SettingError(f"No generator on the tiny base ships for {name}, only a student. Leave out --base.")
    what = "embedded student" if folder == student else f"embedded generator (its student: --base {STUDENT})"
    full = f" For the full-size one: --base {FULL_SIZE_BASE}." if domain(name).published_file else ""
    print(f"{name}: the {what}, which runs on any machine.{full}", file=sys.stderr)
    return folder


def _untrained(choice: GeneratorChoice) -> "PackedGenerator":
    from onestep.exporter.room import check_foreseen
    from onestep.training.base import load_base
    from onestep.training.find_base import find_base
    from onestep.training.untrained import untrained_generator

    assert choice.base is not None
    print(
        "No checkpoint was named: the base is exported as it is, which is good for measuring and translates nothing.",
        file=sys.stderr,
    )
    folder = find_base(choice.base, download=choice.download)
    check_foreseen(folder, choice.size)
    print_stage(f"loading the base {folder}")
    return untrained_generator(load_base(folder), prompt=choice.prompt or "")


def _published(choice: GeneratorChoice) -> Path | None:
    """Return the domain's published checkpoint where the full-size base was named, else None."""
    if choice.known is None or not choice.is_published:
        return None
    from onestep.cli.progress import shown_progress
    from onestep.training.published_files import find_published

    with shown_progress("MB") as tell:

        def on_bytes(got: int, total: int | None) -> None:
            tell(got // _MEGABYTE, None if total is None else total // _MEGABYTE)

        return find_published(choice.known, download=choice.download, on_bytes=on_bytes)


def _merged(choice: GeneratorChoice, path: Path) -> "PackedGenerator":
    from onestep.exporter.room import check_foreseen
    from onestep.training.base import load_base
    from onestep.training.checkpoints.checkpoint import UNSTATED_LICENCE
    from onestep.training.checkpoints.merge import merged_generator
    from onestep.training.checkpoints.read import read_checkpoint
    from onestep.training.find_base import find_base

    print_stage(f"reading {path}")
    checkpoint = read_checkpoint(path)
    if choice.is_published and checkpoint.licence == UNSTATED_LICENCE:
        checkpoint = replace(checkpoint, licence=PUBLISHED_LICENCE)
    direction = checkpoint.chosen_direction(choice.direction or _own_direction(choice.known, checkpoint))
    prompt = checkpoint.chosen_prompt(direction, _prompt(choice, checkpoint, direction))
    folder = find_base(choice.base or checkpoint.base or FULL_SIZE_BASE, download=choice.download)
    check_foreseen(folder, choice.size)
    print_stage(f"loading the base {folder}")
    base = load_base(folder)
    print_stage("merging")
    return merged_generator(base, checkpoint, direction=direction, prompt=prompt, domain=choice.domain)


def _prompt(choice: GeneratorChoice, checkpoint: "Checkpoint", direction: "Direction") -> str | None:
    """Return the prompt that the user gave, else the one that the file stores, else the domain's.

    A domain's is of its own direction only: day2night's says nothing about the way back.
    """
    stored = checkpoint.directions[direction].prompt
    if choice.prompt is not None or stored is not None:
        return stored if choice.prompt is None else choice.prompt
    return choice.known.prompt if choice.known is not None and direction == choice.known.direction else None


def _own_direction(known: Domain | None, checkpoint: "Checkpoint") -> Literal["a2b", "b2a"] | None:
    """Return the direction that a domain means in a checkpoint of both."""
    if known is None or known.direction == "paired" or checkpoint.kind != "unpaired":
        return None
    return known.direction
