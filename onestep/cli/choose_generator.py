"""The options of `onestep export` that say what is exported, and loading it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from onestep.cli.stage import print_stage
from onestep.domains import DOMAINS, domain, embedded_generator
from onestep.errors import SettingError

if TYPE_CHECKING:
    from onestep.training.folder import PackedGenerator


@dataclass(frozen=True)
class GeneratorChoice:
    """What the user named: a domain, a merged generator's folder, or a checkpoint with its base."""

    domain: str | None
    generator: Path | None
    checkpoint: Path | None
    base: str | None
    direction: Literal["a2b", "b2a"] | None
    prompt: str | None

    def __post_init__(self) -> None:
        if self.generator is not None and (self.checkpoint or self.domain):
            raise SettingError("--generator is a whole generator: leave out --checkpoint and --domain.")
        if self.generator is None and self.checkpoint is None and self.domain is None:
            raise SettingError("Name what to export: --domain NAME, --generator DIR, or --checkpoint FILE with --base.")
        if self.checkpoint is None and (self.base or self.direction):
            raise SettingError("--base and --direction go with --checkpoint FILE, the weights trained on that base.")
        if self.checkpoint is not None and self.base is None:
            raise SettingError(
                "--checkpoint needs --base: tiny, sd-turbo, or the folder of the base it was trained on."
            )
        if self.domain is not None:
            domain(self.domain)


def loaded_generator(choice: GeneratorChoice) -> "PackedGenerator":
    """Load what was chosen; a checkpoint is merged into its base.

    Raises:
        OnestepError: A part is missing, damaged, or does not go with the others.
    """
    from onestep.training.folder import load_generator

    if choice.checkpoint is not None:
        return _merged(choice, choice.checkpoint)
    if choice.generator is not None:
        return load_generator(choice.generator)
    assert choice.domain is not None
    print(
        f"{choice.domain} on the embedded tiny base, which runs on any machine. For the full-size one: "
        "--base sd-turbo --checkpoint FILE.",
        file=sys.stderr,
    )
    return load_generator(embedded_generator(choice.domain))


def _merged(choice: GeneratorChoice, path: Path) -> "PackedGenerator":
    from onestep.training.base import load_base
    from onestep.training.checkpoints.merge import merged_generator
    from onestep.training.checkpoints.read import read_checkpoint
    from onestep.training.find_base import find_base

    assert choice.base is not None
    known = DOMAINS[choice.domain] if choice.domain else None
    folder = find_base(choice.base)
    print_stage(f"reading {path}")
    checkpoint = read_checkpoint(path)
    wanted = choice.direction or (known.direction if known and known.direction != "paired" else None)
    direction = checkpoint.chosen_direction(wanted)
    prompt = checkpoint.chosen_prompt(direction, choice.prompt or (known.prompt if known else None))
    print_stage(f"loading the base {folder}")
    base = load_base(folder)
    print_stage("merging")
    return merged_generator(base, checkpoint, direction=direction, prompt=prompt, domain=choice.domain)
